"""How objects that no row names leave Storage; docs/adr/0030-keeping.md has the reasons."""

from typing import Final

from core.supabase import SupabaseGateway

# Of a picture there are two.
OBJECTS: Final = 200


def remove_some(supabase: SupabaseGateway) -> int:
    """Remove some of the objects that no row names any more; return how many, 0 if none is to be had.

    It may be killed at any line, and run beside others: what was claimed is claimed again when its lease has
    ended, and removing what is gone does no harm. Raises Transient or CaptureRejected (2204, 2205).
    """
    paths: list[str] = supabase.call("claim_removals", p_limit=OBJECTS)
    if paths:
        supabase.remove(paths)
        supabase.call("finish_removals", p_paths=paths)
    return len(paths)
