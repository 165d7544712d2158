"""In what a device may deviate from docs/protocol.md: one rule for each, with what it costs.

`harmful` costs pictures, energy or readings, or may; `dialect` is understood here, and by others perhaps not.
"""

from typing import Final, Literal, NamedTuple

Grade = Literal["harmful", "dialect"]


class Rule(NamedTuple):
    """A deviation, what it costs or what is made of it, and what firmware should do instead."""

    grade: Grade
    what: str
    why: str


RULES: Final[dict[str, Rule]] = {
    # Every message
    "device name": Rule(
        "dialect",
        "the device in the topic is not 12 upper-case hexadecimal digits",
        "any letters and digits do here",
    ),
    "another device": Rule(
        "harmful",
        "device_id in the payload is not the device of the topic",
        "the topic counts, and each such message leaves an error 2107",
    ),
    "unusable": Rule("harmful", "a message that cannot be read", "it is lost; its error tells why"),
    "QoS 0": Rule(
        "harmful",
        "sent with QoS 0",
        "the broker does not confirm it, so it is lost when the connection breaks: use QoS 1",
    ),
    "retained": Rule(
        "harmful",
        "a message is retained",
        "each listener that starts gets it as if it were new: publish without the retain flag",
    ),
    # Hellos
    "status word": Rule("dialect", "status is neither Alive nor alive", "it counts as a hello all the same"),
    "pending missing": Rule(
        "dialect", "a hello without pendingImg", "nobody sees how many pictures the card still holds"
    ),
    "pending name": Rule("dialect", "pendingImg is named pending_count", "both are read"),
    "no pending_list": Rule(
        "dialect",
        "pictures wait on the card, and the hello does not name them",
        "the service cannot ask for one, and waits until the device offers it: add pending_list",
    ),
    "pending names": Rule(
        "harmful",
        "pending_list has unusable names, or more than ten",
        "those are never asked for: at most ten names of printable ASCII without slash",
    ),
    "battery name": Rule(
        "dialect", "the battery is told as battery_voltage or battery_voltage_mv", "it is read as battery_mv"
    ),
    "hello again": Rule(
        "dialect",
        "a hello again within ten seconds",
        "it is answered as well; what had been asked for is not asked for again within a minute",
    ),
    # Metadata
    "time name": Rule("dialect", "the capture time is not named capture_timeStamp", "it is read"),
    "time form": Rule("dialect", "the capture time is not padded with zeros", "it is read"),
    "no time": Rule(
        "harmful",
        "metadata without a usable capture time",
        "the picture gets the time of its arrival, and a repeat is known by its SHA-256 alone",
    ),
    "clock": Rule(
        "harmful",
        "the capture time is before 2020, or more than an hour ahead",
        "the clock was not set: wait for NTP before the picture is taken",
    ),
    "chunk size name": Rule("dialect", "the chunk size is not named max_chunks_size", "it is read"),
    "chunk count name": Rule("dialect", "the number of chunks is not named total_chunk_count", "it is read"),
    "nested sensors": Rule("dialect", "sensors stand in sensor_data", "they are read"),
    "gas unit": Rule(
        "dialect", "gas_resistance is in kilo-ohms", "below 1000 it is taken as kilo-ohms, else as ohms"
    ),
    "sensor bounds": Rule(
        "harmful", "a sensor value that no sensor can measure", "it is left out: check the sensor's wiring"
    ),
    "error form": Rule("dialect", "error is no whole number", "it is recorded as 1000, with its text"),
    "count": Rule(
        "harmful",
        "total_chunk_count is not image_size divided by the chunk size",
        "the picture ends as failed (2202) if its bytes are not as many as announced",
    ),
    "no SHA-256": Rule(
        "dialect",
        "metadata without image_sha256",
        "a bit that changed on the way is not noticed, and a broken picture is asked for twice: add it",
    ),
    "repeats": Rule(
        "dialect",
        "metadata repeated with empty fields",
        "they are counted and cost nothing but air time, some 300 bytes each",
    ),
    # Chunks
    "array": Rule(
        "dialect",
        "chunks carry arrays of numbers instead of base64",
        "they are read, and take 2.7 times the air time of base64",
    ),
    "chunk early": Rule("dialect", "chunks came before their metadata", "they are kept until it comes"),
    "chunk order": Rule("dialect", "chunks came out of order", "they are put in order"),
    "duplicates": Rule(
        "dialect", "chunks came twice", "the second is the same and changes nothing, but took its time"
    ),
    "changed duplicate": Rule(
        "harmful", "a chunk came again with other bytes", "which of both is the picture's, nobody knows"
    ),
    "chunk size": Rule(
        "harmful",
        "a chunk in the middle is shorter or longer than the others",
        "the picture ends as failed if its bytes are not as many as announced",
    ),
    "from one": Rule(
        "harmful", "chunk_id counts from 1", "chunk 0 is asked for and never comes: count from 0"
    ),
    "chunk beyond": Rule(
        "harmful",
        "chunk_id is not below total_chunk_count",
        "it is no part of the picture that was announced",
    ),
    # Pictures, and the conversation
    "size": Rule("harmful", "the bytes of a picture are not image_size", "it ends as failed (2202)"),
    "SHA-256": Rule(
        "harmful", "the bytes of a picture are not those of image_sha256", "it ends as failed (2207)"
    ),
    "no JPEG": Rule(
        "harmful",
        "a picture that does not begin with FF D8 or does not end with FF D9",
        "without its beginning it ends as failed (2203); without its end it is asked for once more, and "
        "then stored as damaged",
    ),
    "deaf to NACK": Rule(
        "harmful",
        "missing_chunks was sent, and none of them came",
        "the picture ends as failed (2201): does the device listen on the topic of MQTT_NACK_TOPIC?",
    ),
    "deaf to ACK": Rule(
        "harmful",
        "a picture was sent again after its ACK_OK",
        "it is known for its repeat, but the device was awake for it: does it listen on …/ack?",
    ),
    "name reused": Rule(
        "harmful",
        "an image name came again with another picture",
        "late chunks of the first may be taken for the second's: number pictures on, also after a reflash",
    ),
}
