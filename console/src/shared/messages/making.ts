import { messages } from './define'

/** What is made of several pictures: an archive, a film. */
export const makingText = messages(
  {
    zipName: 'pictures.zip',
    filmName: 'time-lapse.mp4',
    progress: 'How far it is',
    soFar: (done: string, total: string) => `${done} of ${total} pictures`,
    packed: (count: number, words: string, bytes: string) =>
      `${words} ${count === 1 ? 'picture' : 'pictures'}, ${bytes}. The download has begun.`,
    left: (count: number, words: string) =>
      `${words} ${count === 1 ? 'picture was' : 'pictures were'} left out, since nothing can be had of ${count === 1 ? 'it' : 'them'} any more.`,
    save: 'Save',
    another: 'Make another one',
    speed: 'Pictures a second',
    perSecond: (speed: number) => `${speed} a second`,
    caption: 'Device, date and time in the picture',
    from: 'From',
    to: 'To',
    make: 'Make the film',
    noDevice: 'Choose a device',
    chooseDevice: 'A film is of one device: choose it.',
    nothing: 'There is no picture of these days with these filters.',
    ofPictures: (count: number, words: string) =>
      `Of ${words} ${count === 1 ? 'picture' : 'pictures'}; partial ones are left out.`,
    thinned: (found: string, most: string) => `Of ${found} pictures ${most} are taken, at even distances.`,
    tooMany: (found: string, most: string) =>
      `That are ${found} pictures; this page takes ${most} at most. Choose fewer days, or a time of day.`,
    filmed: (count: number, words: string, bytes: string) =>
      `${words} ${count === 1 ? 'picture' : 'pictures'}, ${bytes}.`,
    noEncoder:
      'This browser cannot make films: it has no encoder for video. The service makes them too, and longer ones.',
    toTimelapses: 'To the time-lapses of the service',
  },
  {
    zipName: 'bilder.zip',
    filmName: 'zeitraffer.mp4',
    progress: 'Wie weit es ist',
    soFar: (done, total) => `${done} von ${total} Bildern`,
    packed: (count, words, bytes) =>
      `${words} ${count === 1 ? 'Bild' : 'Bilder'}, ${bytes}. Das Herunterladen hat begonnen.`,
    left: (count, words) =>
      `${words} ${count === 1 ? 'Bild fehlt' : 'Bilder fehlen'} darin: Davon ist nichts mehr zu haben.`,
    save: 'Speichern',
    another: 'Noch einen machen',
    speed: 'Bilder pro Sekunde',
    perSecond: (speed) => `${speed} pro Sekunde`,
    caption: 'Gerät, Datum und Uhrzeit im Bild',
    from: 'Von',
    to: 'Bis',
    make: 'Film machen',
    noDevice: 'Gerät wählen',
    chooseDevice: 'Ein Film zeigt ein Gerät: Wählen Sie es.',
    nothing: 'Von diesen Tagen gibt es mit diesen Filtern kein Bild.',
    ofPictures: (count, words) =>
      `Aus ${words} ${count === 1 ? 'Bild' : 'Bildern'}; unvollständige bleiben weg.`,
    thinned: (found, most) => `Von ${found} Bildern werden ${most} genommen, in gleichen Abständen.`,
    tooMany: (found, most) =>
      `Das sind ${found} Bilder; diese Seite nimmt höchstens ${most}. Wählen Sie weniger Tage oder eine Tageszeit.`,
    filmed: (count, words, bytes) => `${words} ${count === 1 ? 'Bild' : 'Bilder'}, ${bytes}.`,
    noEncoder:
      'Dieser Browser kann keine Filme machen: Ihm fehlt die Kodierung für Video. Der Dienst macht auch welche, und längere.',
    toTimelapses: 'Zu den Zeitraffern des Dienstes',
  },
)
