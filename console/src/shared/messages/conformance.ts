/** In what a device deviates from the protocol, by the rules of operate/field/rules.py that a log can tell. */
import { messages } from './define'

export const conformanceText = messages(
  {
    'device name':
      'Its name in topics is not 12 upper-case hexadecimal digits. Any letters and digits do here.',
    'another device':
      'The device_id in a message is not that of the topic. The topic counts, and each such message leaves an error.',
    unusable: 'A message cannot be read: it is lost. Its error tells why.',
    'status word': 'The status of a hello is neither Alive nor alive. It counts all the same.',
    'pending missing': 'A hello has no pendingImg: nobody sees how many pictures the card still holds.',
    'pending name': 'pendingImg is named pending_count. Both are read.',
    'no pending_list':
      'Pictures wait on the card, and the hello does not name them: the service cannot ask for one. Add pending_list.',
    'pending names':
      'pending_list has unusable names, or more than ten: those are never asked for. At most ten names of printable ASCII without slash.',
    'battery name': 'The battery is told as battery_voltage or battery_voltage_mv. It is read as battery_mv.',
    'hello again':
      'A hello came again within ten seconds. What had been asked for is not asked for again within a minute.',
    'time name': 'The capture time is not named capture_timeStamp. It is read.',
    'time form': 'The capture time is not padded with zeros. It is read.',
    'no time':
      'There is no usable capture time: the picture gets the time of its arrival, and a repeat is known by its SHA-256 alone.',
    clock:
      'The capture time is before 2020, or more than an hour ahead: the clock was not set. Wait for NTP before the picture is taken.',
    'chunk size name': 'The chunk size is not named max_chunks_size. It is read.',
    'chunk count name': 'The number of chunks is not named total_chunk_count. It is read.',
    'nested sensors': 'Sensors stand in sensor_data. They are read.',
    'gas unit': 'gas_resistance is in kilo-ohms: below 1000 it is taken as kilo-ohms, else as ohms.',
    'sensor bounds': 'A value that no sensor can measure is left out. Check the wiring of the sensor.',
    'error form': 'error is no whole number: it is recorded as 1000, with its text.',
    count:
      'total_chunk_count is not image_size divided by the chunk size: the picture fails if its bytes are not as many as announced.',
    'no SHA-256':
      'There is no image_sha256: a bit that changed on the way is not noticed, and a broken picture is asked for twice. Add it.',
    repeats: 'Metadata is repeated with empty fields. That costs nothing but air time, some 300 bytes each.',
  },
  {
    'device name':
      'Der Name in den Topics hat nicht 12 große hexadezimale Ziffern. Hier gehen alle Buchstaben und Ziffern.',
    'another device':
      'device_id in einer Nachricht ist nicht die des Topics. Das Topic zählt, und jede solche Nachricht hinterlässt einen Fehler.',
    unusable: 'Eine Nachricht ist nicht lesbar: Sie ist verloren. Ihr Fehler sagt, warum.',
    'status word': 'status einer Meldung ist weder Alive noch alive. Sie zählt trotzdem.',
    'pending missing': 'Einer Meldung fehlt pendingImg: Niemand sieht, wie viele Bilder die Karte noch hat.',
    'pending name': 'pendingImg heißt pending_count. Beides wird gelesen.',
    'no pending_list':
      'Auf der Karte warten Bilder, und die Meldung nennt sie nicht: Der Dienst kann keines verlangen. Fügen Sie pending_list hinzu.',
    'pending names':
      'pending_list hat unbrauchbare Namen oder mehr als zehn: Diese werden nie verlangt. Höchstens zehn Namen aus druckbarem ASCII ohne Schrägstrich.',
    'battery name':
      'Die Batterie heißt battery_voltage oder battery_voltage_mv. Sie wird als battery_mv gelesen.',
    'hello again':
      'Binnen zehn Sekunden kam eine zweite Meldung. Was verlangt war, wird eine Minute lang nicht noch einmal verlangt.',
    'time name': 'Die Zeit der Aufnahme heißt nicht capture_timeStamp. Sie wird gelesen.',
    'time form': 'Der Zeit der Aufnahme fehlen führende Nullen. Sie wird gelesen.',
    'no time':
      'Die Zeit der Aufnahme fehlt oder ist unbrauchbar: Das Bild bekommt die seiner Ankunft, und eine Wiederholung zeigt nur ihr SHA-256.',
    clock:
      'Die Zeit der Aufnahme liegt vor 2020 oder mehr als eine Stunde voraus: Die Uhr war nicht gestellt. Warten Sie auf NTP, bevor das Bild entsteht.',
    'chunk size name': 'Die Größe der Stücke heißt nicht max_chunks_size. Sie wird gelesen.',
    'chunk count name': 'Die Zahl der Stücke heißt nicht total_chunk_count. Sie wird gelesen.',
    'nested sensors': 'Sensoren stehen in sensor_data. Sie werden gelesen.',
    'gas unit': 'gas_resistance ist in Kiloohm: Unter 1000 gilt es als Kiloohm, sonst als Ohm.',
    'sensor bounds':
      'Ein Wert, den kein Sensor messen kann, bleibt weg. Sehen Sie nach den Drähten des Sensors.',
    'error form': 'error ist keine ganze Zahl: Es zählt als 1000, mit seinem Text.',
    count:
      'total_chunk_count ist nicht image_size durch die Größe der Stücke: Das Bild misslingt, wenn es nicht so viele Bytes hat wie angekündigt.',
    'no SHA-256':
      'image_sha256 fehlt: Ein unterwegs verändertes Bit fällt nicht auf, und ein kaputtes Bild wird zweimal verlangt. Fügen Sie es hinzu.',
    repeats: 'Metadaten kommen mit leeren Feldern noch einmal. Das kostet nur Sendezeit, je etwa 300 Bytes.',
  },
)

export type Rule = keyof typeof conformanceText.en
