/** What is told of how a picture came; docs/diagnosis.md lists the kinds and the codes. */
import { messages } from './define'

/** Moments and lengths of time in the viewer's words, everything else as it is. */
export type Told = Readonly<Record<string, string>>

const times = (told: Told, name: string) => {
  const count = Number(told[name])
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${told[name]} times`
}
const mal = (told: Told, name: string) => (Number(told[name]) === 1 ? 'einmal' : `${told[name]}-mal`)

export const storyText = messages(
  {
    title: 'How it came',
    timeline: 'Step by step',
    kinds: {
      hello: () => 'The device said hello',
      metadata: () => 'Its metadata came',
      first_chunk: () => 'The first chunk came',
      last_chunk: () => 'The last chunk came',
      gap: (t: Told) => `No chunk came for ${t.seconds}, after chunk ${t.before}`,
      asked: (t: Told) => `The service asked for ${t.chunks} missing chunks`,
      answered: () => 'The device answered',
      timed_out: () => 'Nothing more came: it was given up',
      resumed: () => 'The device went on',
      sent_again: () => 'All of it was asked for anew',
      assembled: () => 'It was put together',
      decoded: () => 'It was decoded',
      uploaded: () => 'It was uploaded',
      failed: (t: Told) => (t.station ? `A try failed, at ${t.station}` : 'A try failed'),
      stored: () => 'It was stored',
      given_up: (t: Told) => (t.error_code ? `It failed, code ${t.error_code}` : 'It failed'),
      acknowledged: (t: Told) => `The device was told that it may delete it, ${times(t, 'times')}`,
      gone: () => 'The device said hello, and had it no more',
      still_held: () => 'The device said hello, and still had it',
      next_hello: () => 'The device said hello',
      offered_again: (t: Told) => `The device sent it again, ${times(t, 'times')}`,
    },
    sentences: {
      untold: () => 'How this capture came was not kept: it is older than the stories.',
      came: (t: Told) => `Its ${t.chunks} chunks came from ${t.began_at} to ${t.ended_at}, in ${t.seconds}.`,
      came_in_part: (t: Told) =>
        t.chunks
          ? `${t.held} of ${t.chunks} chunks came from ${t.began_at} to ${t.ended_at}.`
          : `${t.held} chunks came from ${t.began_at} to ${t.ended_at}, and no metadata.`,
      lost_at_end: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were missing, most of them the last ones: the device stopped, or its link was gone from then on.`,
      lost_here_and_there: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were lost here and there, without a gap: a weak radio link, or a broker that drops what is too much.`,
      lost_in_gaps: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were lost in ${t.gaps} gaps, the longest of ${t.seconds} at ${t.began_at}: probably a radio link that comes and goes.`,
      lost_with_others: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were lost in one gap of ${t.seconds} at ${t.began_at}, probably the access point: ${t.devices} devices of this site lost chunks then.`,
      lost_alone: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were lost in one gap of ${t.seconds} at ${t.began_at}, probably the device’s own link: others of this site lost nothing then (${t.sending} were sending).`,
      lost_in_gap: (t: Told) =>
        `${t.lost} of ${t.chunks} chunks were lost in one gap of ${t.seconds} at ${t.began_at}.`,
      paused: (t: Told) =>
        `No chunk came for a while ${times(t, 'times')}, for ${t.seconds} at most; nothing was lost then.`,
      asked: (t: Told) =>
        `The service asked for what was missing ${times(t, 'times')}; the device answered ${times(t, 'answered')}, after ${t.seconds}.`,
      asked_in_vain: (t: Told) =>
        `The service asked for what was missing ${times(t, 'times')}; the device did not answer.`,
      duplicates: (t: Told) =>
        t.chunks === '1' ? 'One chunk came more than once.' : `${t.chunks} chunks came more than once.`,
      resumed: (t: Told) => `At ${t.at} the device went on, after it had been given up.`,
      sent_again: (t: Told) => `At ${t.at} it was asked for anew as a whole, since its stream was broken.`,
      tried_again: (t: Told) =>
        `The service failed ${times(t, 'times')} at the station ${t.station}, and tried again.`,
      stored: (t: Told) => `It was safe at ${t.at}, ${t.seconds} after its last chunk.`,
      failed: (t: Told) => `It failed, with code ${t.error_code}.`,
      partial: (t: Told) =>
        `Its first ${t.rows} of ${t.height} rows are shown; the rest is hatched until it comes.`,
      acknowledged: (t: Told) => `Its ACK was sent at ${t.at}.`,
      acknowledged_again: (t: Told) => `Its ACK was sent ${times(t, 'times')}, last at ${t.at}.`,
      not_acknowledged: () => 'No ACK of it is known.',
      ack_worked: (t: Told) => `The ACK worked: at its hello at ${t.at} the device had the picture no more.`,
      ack_missed: (t: Told) =>
        `The ACK did not reach the device: at its hello at ${t.at} it still had the picture.`,
      ack_unknown: (t: Told) =>
        `Whether the ACK worked is not known: the hello at ${t.at} did not say which pictures the device has.`,
      offered_again: (t: Told) =>
        `The device sent it again ${times(t, 'times')} after its end, last at ${t.at}.`,
    },
  },
  {
    title: 'Wie es kam',
    timeline: 'Schritt für Schritt',
    kinds: {
      hello: () => 'Das Gerät meldete sich',
      metadata: () => 'Seine Angaben kamen',
      first_chunk: () => 'Das erste Stück kam',
      last_chunk: () => 'Das letzte Stück kam',
      gap: (t) => `${t.seconds} lang kam kein Stück, nach Stück ${t.before}`,
      asked: (t) => `Der Dienst verlangte ${t.chunks} fehlende Stücke`,
      answered: () => 'Das Gerät antwortete',
      timed_out: () => 'Nichts kam mehr: aufgegeben',
      resumed: () => 'Das Gerät machte weiter',
      sent_again: () => 'Alles wurde noch einmal verlangt',
      assembled: () => 'Zusammengesetzt',
      decoded: () => 'Gelesen',
      uploaded: () => 'Hochgeladen',
      failed: (t) =>
        t.station ? `Ein Versuch misslang, bei der Station ${t.station}` : 'Ein Versuch misslang',
      stored: () => 'Gespeichert',
      given_up: (t) => (t.error_code ? `Gescheitert, Code ${t.error_code}` : 'Gescheitert'),
      acknowledged: (t) => `Dem Gerät wurde gesagt, dass es löschen darf, ${mal(t, 'times')}`,
      gone: () => 'Das Gerät meldete sich und hatte es nicht mehr',
      still_held: () => 'Das Gerät meldete sich und hatte es noch',
      next_hello: () => 'Das Gerät meldete sich',
      offered_again: (t) => `Das Gerät schickte es noch einmal, ${mal(t, 'times')}`,
    },
    sentences: {
      untold: () => 'Wie dieses Bild kam, wurde nicht festgehalten: Es ist älter.',
      came: (t) => `Seine ${t.chunks} Stücke kamen von ${t.began_at} bis ${t.ended_at}, in ${t.seconds}.`,
      came_in_part: (t) =>
        t.chunks
          ? `${t.held} von ${t.chunks} Stücken kamen von ${t.began_at} bis ${t.ended_at}.`
          : `${t.held} Stücke kamen von ${t.began_at} bis ${t.ended_at}, und keine Angaben.`,
      lost_at_end: (t) =>
        `${t.lost} von ${t.chunks} Stücken fehlten, meist die letzten: Das Gerät hörte auf, oder seine Verbindung war von da an weg.`,
      lost_here_and_there: (t) =>
        `${t.lost} von ${t.chunks} Stücken gingen hier und da verloren, ohne Lücke: eine schwache Funkverbindung, oder ein Broker, der wegwirft, was zu viel ist.`,
      lost_in_gaps: (t) =>
        `${t.lost} von ${t.chunks} Stücken gingen in ${t.gaps} Lücken verloren, die längste von ${t.seconds} um ${t.began_at}: wohl eine Funkverbindung, die kommt und geht.`,
      lost_with_others: (t) =>
        `${t.lost} von ${t.chunks} Stücken gingen in einer Lücke von ${t.seconds} um ${t.began_at} verloren, wohl am Zugangspunkt: ${t.devices} Geräte dieses Orts verloren da etwas.`,
      lost_alone: (t) =>
        `${t.lost} von ${t.chunks} Stücken gingen in einer Lücke von ${t.seconds} um ${t.began_at} verloren, wohl an der Verbindung dieses Geräts: Andere des Orts verloren da nichts (${t.sending} sendeten).`,
      lost_in_gap: (t) =>
        `${t.lost} von ${t.chunks} Stücken gingen in einer Lücke von ${t.seconds} um ${t.began_at} verloren.`,
      paused: (t) =>
        `Eine Weile kam kein Stück, ${mal(t, 'times')}, höchstens ${t.seconds}; nichts ging verloren.`,
      asked: (t) =>
        `Der Dienst verlangte ${mal(t, 'times')}, was fehlte; das Gerät antwortete ${mal(t, 'answered')}, nach ${t.seconds}.`,
      asked_in_vain: (t) =>
        `Der Dienst verlangte ${mal(t, 'times')}, was fehlte; das Gerät antwortete nicht.`,
      duplicates: (t) =>
        t.chunks === '1' ? 'Ein Stück kam mehr als einmal.' : `${t.chunks} Stücke kamen mehr als einmal.`,
      resumed: (t) => `Um ${t.at} machte das Gerät weiter, nachdem es aufgegeben war.`,
      sent_again: (t) => `Um ${t.at} wurde alles noch einmal verlangt, da es beschädigt ankam.`,
      tried_again: (t) =>
        `Der Dienst scheiterte ${mal(t, 'times')} an der Station ${t.station} und versuchte es wieder.`,
      stored: (t) => `Sicher war es um ${t.at}, ${t.seconds} nach dem letzten Stück.`,
      failed: (t) => `Es scheiterte, mit Code ${t.error_code}.`,
      partial: (t) =>
        `Die ersten ${t.rows} von ${t.height} Zeilen sind zu sehen; der Rest ist schraffiert, bis er kommt.`,
      acknowledged: (t) => `Sein ACK ging um ${t.at} hinaus.`,
      acknowledged_again: (t) => `Sein ACK ging ${mal(t, 'times')} hinaus, zuletzt um ${t.at}.`,
      not_acknowledged: () => 'Von einem ACK ist nichts bekannt.',
      ack_worked: (t) => `Der ACK kam an: Um ${t.at} meldete sich das Gerät und hatte das Bild nicht mehr.`,
      ack_missed: (t) => `Der ACK kam nicht an: Um ${t.at} meldete sich das Gerät und hatte das Bild noch.`,
      ack_unknown: (t) =>
        `Ob der ACK ankam, ist nicht bekannt: Um ${t.at} sagte das Gerät nicht, welche Bilder es hat.`,
      offered_again: (t) =>
        `Das Gerät schickte es nach dem Ende ${mal(t, 'times')} noch einmal, zuletzt um ${t.at}.`,
    },
  },
)
