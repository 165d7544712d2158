import { messages } from './define'

/** docs/protocol.md lists the codes. */
const EN: Readonly<Record<number, string>> = {
  1001: 'The camera could not be started.',
  1002: 'The camera took no picture.',
  1003: 'The sensor could not be read.',
  1004: 'The device ran out of memory.',
  2100: 'What came could not be read: a value or an address that makes no sense.',
  2101: 'What came could not be read: it is not of the agreed form.',
  2102: 'A piece of a picture was empty.',
  2103: 'A piece of a picture could not be read.',
  2104: 'The picture has a name that cannot be used.',
  2105: 'A piece came that is none of this picture.',
  2106: 'The picture, or a piece of it, is too large.',
  2107: 'A message names another device than the one it came from.',
  2200: 'The service could not work on the picture.',
  2201: 'Pieces of the picture stopped coming, also when they were asked for.',
  2202: 'The picture does not have the size that was announced.',
  2203: 'What came is no picture.',
  2204: 'The picture could not be stored.',
  2205: 'The database did not take the picture.',
  2206: 'No thumbnail could be made of it.',
  2207: 'The picture is not the one that was announced.',
  2208: 'The picture is damaged, and could not be had whole.',
}

const DE: Readonly<Record<number, string>> = {
  1001: 'Die Kamera ließ sich nicht starten.',
  1002: 'Die Kamera hat kein Bild gemacht.',
  1003: 'Der Sensor ließ sich nicht auslesen.',
  1004: 'Dem Gerät ging der Speicher aus.',
  2100: 'Was kam, war nicht zu lesen: ein Wert oder eine Adresse ohne Sinn.',
  2101: 'Was kam, war nicht zu lesen: Es hat nicht die vereinbarte Form.',
  2102: 'Ein Stück eines Bildes war leer.',
  2103: 'Ein Stück eines Bildes war nicht zu lesen.',
  2104: 'Das Bild hat einen Namen, der sich nicht verwenden lässt.',
  2105: 'Es kam ein Stück, das nicht zu diesem Bild gehört.',
  2106: 'Das Bild oder ein Stück davon ist zu groß.',
  2107: 'Eine Nachricht nennt ein anderes Gerät als das, von dem sie kam.',
  2200: 'Der Dienst konnte das Bild nicht verarbeiten.',
  2201: 'Es kamen keine Stücke des Bildes mehr, auch nicht auf Nachfrage.',
  2202: 'Das Bild hat nicht die angekündigte Größe.',
  2203: 'Was kam, ist kein Bild.',
  2204: 'Das Bild ließ sich nicht ablegen.',
  2205: 'Die Datenbank nahm das Bild nicht an.',
  2206: 'Daraus ließ sich kein Vorschaubild machen.',
  2207: 'Das Bild ist nicht das angekündigte.',
  2208: 'Das Bild ist beschädigt und war nicht unversehrt zu bekommen.',
}

function isOfFirmware(code: number): boolean {
  return code >= 1000 && code < 2000
}

/** What went wrong, by the code of device_errors and captures. */
export const errorCodeText = messages(
  {
    say: (code: number | null): string => {
      if (code === null) return 'The picture failed, and nothing says why.'
      return (
        EN[code] ??
        (isOfFirmware(code) ? `The device reported an error of its own (${code}).` : `Error ${code}.`)
      )
    },
  },
  {
    say: (code) => {
      if (code === null) return 'Das Bild ist misslungen, und nichts sagt, warum.'
      return (
        DE[code] ??
        (isOfFirmware(code) ? `Das Gerät meldete einen eigenen Fehler (${code}).` : `Fehler ${code}.`)
      )
    },
  },
)
