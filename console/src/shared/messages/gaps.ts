import { messages } from './define'

/** Why an expected picture did not come: what device_gaps() says of it. Times are told as the viewer reads them. */
export const gapText = messages(
  {
    errors: (at: string, error: string) => `It said hello on ${at}. ${error}`,
    nothingCame: (at: string) =>
      `It said hello on ${at} and was asked for a picture, but nothing of one came.`,
    notAsked: (at: string) =>
      `It said hello on ${at} while the database did not answer, so it was not asked for a picture.`,
    notDue: (at: string) => `It said hello on ${at}, when no picture was due from it.`,
    notKept: 'The hellos of that time are not kept any more.',
    toldLater: (until: string) => `It slept: its next wake was to be on ${until}.`,
    heardNobody: 'The service heard no device at all then, though others were due too.',
    neverHeard: 'It was not heard, and had not been before.',
    battery: (last: string, percent: string) =>
      `It was not heard; at its last hello, on ${last}, its battery was at ${percent} %.`,
    silent: (last: string) => `It was not heard; its last hello was on ${last}.`,
  },
  {
    errors: (at, error) => `Es meldete sich am ${at}. ${error}`,
    nothingCame: (at) => `Es meldete sich am ${at} und sollte ein Bild schicken, aber nichts davon kam.`,
    notAsked: (at) =>
      `Es meldete sich am ${at}, als die Datenbank nicht antwortete; so wurde kein Bild verlangt.`,
    notDue: (at) => `Es meldete sich am ${at}, als kein Bild fällig war.`,
    notKept: 'Die Meldungen dieser Zeit sind nicht mehr da.',
    toldLater: (until) => `Es schlief: Aufwachen sollte es am ${until}.`,
    heardNobody: 'Der Dienst hörte da gar kein Gerät, obwohl auch andere fällig waren.',
    neverHeard: 'Es war nicht zu hören, auch vorher nie.',
    battery: (last, percent) =>
      `Es war nicht zu hören; als es sich zuletzt meldete, am ${last}, stand seine Batterie bei ${percent} %.`,
    silent: (last) => `Es war nicht zu hören; zuletzt meldete es sich am ${last}.`,
  },
)
