"""A device's SD card, and the camera that fills it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random

from simulator.clock import Clock, iso
from simulator.dialects import Metadata
from simulator.options import FleetOptions
from simulator.pictures import Damage, Shot, take_shot
from simulator.sensors import read_sensors

LOCATIONS = ("office_404", "greenhouse_2", "cold_store", "roof_east")
# What firmware reports: numbers of the protocol, ESP_FAIL, and "camera not detected" of the camera driver.
ERRORS = (1, 2, 3, 4, 5, -1, 131073)


@dataclass(slots=True)
class Image:
    """One picture and its history: when it was taken, what was sent, and how the service answered.

    `captured_at` is Unix time by the device clock, `size` is in bytes, `chunks` is the number of chunks.
    """

    name: str
    captured_at: int
    shot: Shot
    size: int
    sha256: str
    chunks: int
    metadata: Metadata
    offers: int = 0
    nacks: int = 0
    chunks_sent: int = 0  # chunk messages, including repeats and resends
    chunks_resent: int = 0  # chunks that the service requested with missing_chunks
    last_chunk_at: float | None = None
    ack_latency_ms: float | None = None
    acked: bool = False
    acked_early: bool = False
    left: int = 0  # a bit for each chunk sent so far, over all offers

    @property
    def damage(self) -> Damage:
        """The defect of the picture; `Damage.NONE` for a good one."""
        return self.shot.damage

    @property
    def breaks_off(self) -> bool:
        """Whether the device goes after the first chunks of its present offer, which is the first one."""
        return self.damage is Damage.PARTIAL and self.offers == 1

    @property
    def has_left(self) -> bool:
        """Whether each chunk was sent at least once."""
        return self.left.bit_count() >= self.chunks


@dataclass(slots=True)
class Card:
    """The pictures that a device holds, oldest first, and every picture it ever took, for the report."""

    held: dict[str, Image] = field(default_factory=dict)
    taken: list[Image] = field(default_factory=list)

    def put(self, image: Image) -> None:
        """Record a picture, and hold it until it is acknowledged unless the camera failed to take it."""
        self.taken.append(image)
        if image.damage is not Damage.DEVICE_ERROR:
            self.held[image.name] = image

    def delete(self, name: str) -> Image | None:
        """Remove a picture and return it; return None if the card holds no picture of that name."""
        return self.held.pop(name, None)


class Camera:
    """Takes pictures; the photograph and the defect of each depend only on seed, device and count."""

    def __init__(
        self, device_id: str, options: FleetOptions, photos: Sequence[bytes], clock: Clock, seed: int
    ) -> None:
        self._device_id = device_id
        self._options = options
        self._photos = photos
        self._clock = clock
        self._seed = seed
        self._scene = f"{seed}/{device_id}/scene" if options.sees_one_scene else None
        self._number = 0
        self._last_second = 0
        self._last_good: Shot | None = None
        self._last_photo: int | None = None

    def rng(self, *purpose: object) -> Random:
        """Return a random generator for one purpose; the draws for other purposes do not affect it."""
        return Random(f"{self._seed}/{self._device_id}/{'/'.join(map(str, purpose))}")

    def develop(self, image: Image) -> bytes:
        """Return the picture's bytes as the card holds them."""
        return image.shot.develop(self._photos)

    def take(self, card: Card, now: float, *, age: float = 0.0) -> Image:
        """Take a picture, `age` seconds before `now` by the device clock, and put it on the card."""
        self._number += 1
        rng = self.rng("picture", self._number)
        damage = self._draw_damage(rng)
        captured_at = self._capture_time(now, age, rng)
        name = self._name(card)
        label = f"{self._device_id} {name} {iso(captured_at)} {self._number}"
        shot = self._expose(label, damage, rng)
        data = shot.develop(self._photos)
        digest = sha256(data).hexdigest()
        chunks = -(-len(data) // self._options.chunk_size)
        failed = damage is Damage.DEVICE_ERROR
        told_digest = digest
        if damage is Damage.WRONG_SHA256:
            told_digest = sha256(data + b"another").hexdigest()
        metadata = Metadata(
            image_name=name,
            captured_at=captured_at,
            # One byte too few still fits the number of chunks, so the service finds it only at assembly.
            image_size=0 if failed else len(data) - (damage is Damage.WRONG_SIZE),
            chunk_size=self._options.chunk_size,
            chunks=0 if failed else chunks,
            location=LOCATIONS[sum(self._device_id.encode()) % len(LOCATIONS)],
            error=rng.choice(ERRORS) if failed else 0,
            sensors=read_sensors(rng, self._options.drift, self._number),
            sha256=told_digest if self._options.sha256 or damage is Damage.WRONG_SHA256 else None,
        )
        image = Image(
            name=name,
            captured_at=captured_at,
            shot=shot,
            size=len(data),
            sha256=digest,
            chunks=chunks,
            metadata=metadata,
        )
        card.put(image)
        return image

    def _expose(self, label: str, damage: Damage, rng: Random) -> Shot:
        """Return the recipe of a picture; a frozen camera gives the last good one again."""
        shot = take_shot(self._photos, label, damage, rng, scene=self._scene, last=self._last_photo)
        self._last_photo = shot.photo
        if damage is Damage.FROZEN and self._last_good is not None:
            return replace(self._last_good, damage=damage)
        if damage in (Damage.NONE, Damage.FROZEN):
            self._last_good = replace(shot, damage=Damage.NONE)
        return shot

    def _draw_damage(self, rng: Random) -> Damage:
        draw = rng.random()
        marker = Damage.NO_START if rng.random() < 0.5 else Damage.NO_END
        options = self._options
        if self._number <= options.good_first:
            return Damage.NONE
        for share, damage in (
            (options.corrupt, marker),
            (options.truncate, Damage.CUT),
            (options.wrong_size, Damage.WRONG_SIZE),
            (options.wrong_sha256, Damage.WRONG_SHA256),
            (options.device_error, Damage.DEVICE_ERROR),
            (options.covered, Damage.COVERED),
            (options.frozen, Damage.FROZEN),
            (options.blurred, Damage.BLURRED),
            (options.dark, Damage.DARK),
            (options.white, Damage.WHITE),
            (options.shifted, Damage.SHIFTED),
            (options.damaged, Damage.BROKEN),
            (options.partial, Damage.PARTIAL),
        ):
            if draw < share:
                return damage
            draw -= share
        return Damage.NONE

    def _capture_time(self, now: float, age: float, rng: Random) -> int:
        """Return the capture time as a whole Unix second.

        A device never gets the same time twice, because the time is part of a capture's identity.
        """
        if rng.random() < self._options.wrong_clock:
            # Until NTP has answered, the device clock starts at 1970.
            return self._number * 60 + rng.randrange(60)
        self._last_second = max(int(self._clock.at(now) - age), self._last_second + 1)
        return self._last_second

    def _name(self, card: Card) -> str:
        """Return `image_N.jpg`: N counts up, or with `reuse_names` is the lowest number free on the card."""
        if not self._options.reuse_names:
            return f"image_{self._number}.jpg"
        number = 1
        while f"image_{number}.jpg" in card.held:
            number += 1
        return f"image_{number}.jpg"
