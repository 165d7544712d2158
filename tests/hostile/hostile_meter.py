"""What generated input costs: CPU of this thread and of Redis for each batch, and the memory of this process."""

import gc
from pathlib import Path
from time import thread_time

# What a batch may cost beside its bytes, many times what it takes on a busy machine.
CPU_S = 0.2
CPU_S_A_BYTE = 2e-6


class Meter:
    """Counts what each batch costs, and refuses one that costs too much."""

    def __init__(self, redis=None):
        self._redis = redis
        self.items = self.bytes = 0
        self.cpu_s = self.redis_cpu_s = 0.0
        self.most_cpu_s = self.most_redis_cpu_s = 0.0
        self._began = None

    def begin(self, items, size):
        """A batch of so many items and bytes is given."""
        self.items, self.bytes = self.items + items, self.bytes + size
        self._began = size, self._spent_in_redis(), thread_time()

    def end(self):
        """It is worked off."""
        size, redis_before, before = self._began
        spent, spent_in_redis = thread_time() - before, self._spent_in_redis() - redis_before
        allowed = CPU_S + CPU_S_A_BYTE * size
        assert spent < allowed, f"{size} bytes cost {spent:.3f} s of CPU"
        assert spent_in_redis < allowed, f"{size} bytes cost Redis {spent_in_redis:.3f} s of CPU"
        self.cpu_s, self.redis_cpu_s = self.cpu_s + spent, self.redis_cpu_s + spent_in_redis
        self.most_cpu_s = max(self.most_cpu_s, spent)
        self.most_redis_cpu_s = max(self.most_redis_cpu_s, spent_in_redis)

    def figures(self):
        """Return what is known, in a line."""
        line = (
            f"{self.items:,} with {self.bytes / 1e6:.0f} MB: CPU {self.cpu_s:.0f} s,"
            f" {1e6 * self.cpu_s / self.bytes:.2f} µs a byte, worst batch {1000 * self.most_cpu_s:.0f} ms"
        )
        if self._redis is None:
            return line
        return (
            f"{line}; Redis {self.redis_cpu_s:.0f} s, {1e6 * self.redis_cpu_s / self.bytes:.2f} µs a byte,"
            f" worst {1000 * self.most_redis_cpu_s:.0f} ms"
        )

    def _spent_in_redis(self):
        if self._redis is None:
            return 0.0
        spent = self._redis.info("cpu")
        return spent["used_cpu_user"] + spent["used_cpu_sys"]


class Memory:
    """The most memory that this process has used since it was made, in MB; 0 where the kernel does not tell."""

    def __init__(self):
        # What others have left is not looked through again and again while CPU is measured.
        gc.collect()
        self._known = Path("/proc/self/clear_refs").exists()
        if self._known:
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._before = self._peak()

    def grown_mb(self):
        """Return by how much the peak is above what was used at first."""
        return self._peak() - self._before

    def _peak(self):
        if not self._known:
            return 0.0
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1000
