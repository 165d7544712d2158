/** What link_advice() says of a device's link, by its codes; its own words are English. */
import { messages } from './define'

export const linkAdviceText = messages(
  {
    too_few: ({ pictures }: Figures) =>
      `It has sent ${pictures} pictures in this time: five are the least that tell something.`,
    weak_signal: ({ rssi_dbm, loss_percent }: Figures) =>
      `Its signal is weak: ${rssi_dbm} dBm, and ${loss_percent} % of its chunks are lost. Move it or the access point until it has -70 dBm or more, or give it an antenna.`,
    signal_at_limit: ({ rssi_dbm }: Figures) =>
      `Its signal is at its limit: ${rssi_dbm} dBm. Nothing is lost yet; rain or a leaf may change that.`,
    lost_at_end: ({ lost, lost_at_end }: Figures) =>
      `${lost_at_end} of ${lost} lost chunks were the last ones of their pictures: it stops or disconnects before they have left. The firmware should wait for the PUBACK of the last chunk, and stay connected until ACK_OK.`,
    lost_in_pauses: ({ lost, lost_in_pauses }: Figures) =>
      `${lost_in_pauses} of ${lost} lost chunks fell into pauses in which nothing came: the link breaks off. Look at the access point, its channel and its other users; the firmware should publish with QoS 1 and send again after it has reconnected.`,
    too_fast: ({ pause_ms, loss_percent }: Figures) =>
      `${loss_percent} % of its chunks are lost one by one, and it sends one each ${pause_ms} ms: a queue on the way overflows. The firmware should wait 20 to 50 ms after each chunk, or for its PUBACK.`,
    lost_singly: ({ loss_percent }: Figures) =>
      `${loss_percent} % of its chunks are lost one by one, and neither its signal nor its pace explains that. Does the firmware publish chunks with QoS 1?`,
    deaf: ({ asked, replies }: Figures) =>
      `It was asked ${asked} times for missing chunks and sent some ${replies} times. Does its firmware listen to missing_chunks, and long enough after its last chunk?`,
    duplicates: ({ duplicate_percent }: Figures) =>
      `${duplicate_percent} % of its chunks come twice: it sends again what it has no PUBACK for yet. The firmware should wait longer for a PUBACK, and resend after a NACK only what that names.`,
    small_chunks: ({ chunk_bytes }: Figures) =>
      `Its chunks have ${chunk_bytes} bytes: each costs some 200 bytes and a PUBACK more. The firmware should send 1,024 to 4,096.`,
    large_chunks: ({ chunk_bytes, loss_percent }: Figures) =>
      `Its chunks have ${chunk_bytes} bytes, and ${loss_percent} % of them are lost: each loss costs as many once more. The firmware should send 1,024 to 4,096.`,
    slow: ({ seconds, pause_ms }: Figures) =>
      `A picture takes ${seconds} s, with a chunk each ${pause_ms} ms, and awake it draws 160 mA. The firmware should send a chunk each 20 to 50 ms.`,
    hour: ({ hour, timed_out, all_timed_out, timezone }: Figures) =>
      `${timed_out} of ${all_timed_out} pictures that did not come whole were sent between ${hour}:00 and ${hour}:59 (${timezone}): what else does the network do then? Another time of its schedule may do better.`,
    timed_out: ({ timed_out, pictures, partial }: Figures) =>
      `${timed_out} of ${pictures} pictures did not come whole, of which ${partial} show their top. Does it have the power to stay awake until the ACK?`,
    good: ({ pictures, lost }: Figures) =>
      `Its link is good: of ${pictures} pictures it has lost ${lost} chunks.`,
  },
  {
    too_few: ({ pictures }) =>
      `In dieser Zeit kamen ${pictures} Bilder: Erst ab fünf lässt sich etwas sagen.`,
    weak_signal: ({ rssi_dbm, loss_percent }) =>
      `Der Empfang ist schwach: ${rssi_dbm} dBm, und ${loss_percent} % der Stücke gehen verloren. Rücken Sie das Gerät oder den Zugangspunkt, bis es -70 dBm oder mehr hat, oder geben Sie ihm eine Antenne.`,
    signal_at_limit: ({ rssi_dbm }) =>
      `Der Empfang ist an der Grenze: ${rssi_dbm} dBm. Noch geht nichts verloren; Regen oder Laub kann das ändern.`,
    lost_at_end: ({ lost, lost_at_end }) =>
      `${lost_at_end} von ${lost} verlorenen Stücken waren die letzten ihrer Bilder: Das Gerät schaltet ab oder trennt die Verbindung, bevor sie hinaus sind. Die Firmware sollte auf das PUBACK des letzten Stücks warten und bis ACK_OK verbunden bleiben.`,
    lost_in_pauses: ({ lost, lost_in_pauses }) =>
      `${lost_in_pauses} von ${lost} verlorenen Stücken fielen in Pausen, in denen nichts kam: Die Verbindung reißt ab. Sehen Sie nach dem Zugangspunkt, seinem Kanal und den anderen daran; die Firmware sollte mit QoS 1 senden, und nach einem Abriss noch einmal.`,
    too_fast: ({ pause_ms, loss_percent }) =>
      `${loss_percent} % der Stücke gehen einzeln verloren, und alle ${pause_ms} ms kommt eines: Eine Warteschlange unterwegs läuft über. Die Firmware sollte nach jedem Stück 20 bis 50 ms oder auf sein PUBACK warten.`,
    lost_singly: ({ loss_percent }) =>
      `${loss_percent} % der Stücke gehen einzeln verloren, und weder Empfang noch Tempo erklärt das. Sendet die Firmware Stücke mit QoS 1?`,
    deaf: ({ asked, replies }) =>
      `Das Gerät wurde ${asked}-mal um fehlende Stücke gebeten und schickte ${replies}-mal welche. Hört die Firmware auf missing_chunks, und nach dem letzten Stück lange genug?`,
    duplicates: ({ duplicate_percent }) =>
      `${duplicate_percent} % der Stücke kommen doppelt: Das Gerät sendet noch einmal, wofür es noch kein PUBACK hat. Die Firmware sollte länger auf ein PUBACK warten, und nach einem NACK nur senden, was es nennt.`,
    small_chunks: ({ chunk_bytes }) =>
      `Die Stücke haben ${chunk_bytes} Bytes: Jedes kostet etwa 200 Bytes und ein PUBACK dazu. Die Firmware sollte 1.024 bis 4.096 senden.`,
    large_chunks: ({ chunk_bytes, loss_percent }) =>
      `Die Stücke haben ${chunk_bytes} Bytes, und ${loss_percent} % gehen verloren: Jeder Verlust kostet so viel noch einmal. Die Firmware sollte 1.024 bis 4.096 senden.`,
    slow: ({ seconds, pause_ms }) =>
      `Ein Bild dauert ${seconds} s, mit einem Stück alle ${pause_ms} ms, und wach braucht das Gerät 160 mA. Die Firmware sollte alle 20 bis 50 ms ein Stück senden.`,
    hour: ({ hour, timed_out, all_timed_out, timezone }) =>
      `${timed_out} von ${all_timed_out} Bildern, die nicht ganz kamen, wurden zwischen ${hour}:00 und ${hour}:59 Uhr (${timezone}) gesendet: Was tut das Netz dann noch? Eine andere Zeit im Zeitplan ist vielleicht besser.`,
    timed_out: ({ timed_out, pictures, partial }) =>
      `${timed_out} von ${pictures} Bildern kamen nicht ganz; ${partial} davon zeigen ihren oberen Teil. Reicht der Strom, um bis zum ACK wach zu bleiben?`,
    good: ({ pictures, lost }) =>
      `Die Verbindung ist gut: Bei ${pictures} Bildern gingen ${lost} Stücke verloren.`,
  },
)

type Figures = Readonly<Record<string, string>>
export type AdviceCode = keyof typeof linkAdviceText.en
