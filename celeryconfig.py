"""Celery's settings for the listener, the workers, beat and Flower.

All processes on one broker must share them, because the smallest visibility timeout takes effect for all.
"""

from core import dispatch
from core.settings import RedisSettings, SettingsError, load

try:
    _settings = load(RedisSettings)
except SettingsError as error:
    raise SystemExit(str(error)) from None

broker_url = _settings.queue_url.get_secret_value()
broker_connection_retry_on_startup = True
broker_transport_options = {
    # Tasks end well within it. After the death of a worker the sweep enqueues its captures again much earlier
    # (see LEASE_MS in core/store/scripts.py).
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Without these timeouts a publish on a half-open connection blocks for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 15,
    # A worker serves its first queue (control) first, so a hello never waits behind a backlog of uploads.
    "queue_order_strategy": "priority",
}
broker_pool_limit = 8

accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
task_acks_late = True
task_reject_on_worker_lost = True
task_default_queue = dispatch.CAPTURES_QUEUE
task_routes = {
    "captures.*": dispatch.CAPTURES_QUEUE,
    "control.*": dispatch.CONTROL_QUEUE,
    "alerts.*": dispatch.ALERTS_QUEUE,
    "keeping.*": dispatch.KEEPING_QUEUE,
    "timelapse.*": dispatch.TIMELAPSE_QUEUE,
}
task_send_sent_event = False

imports = (
    "tasks.capture",
    "tasks.hello",
    "tasks.tell",
    "tasks.sweep",
    "tasks.record",
    "tasks.rollups",
    "tasks.flush_log",
    "tasks.maintain_tables",
    "tasks.home_assistant",
    "tasks.evaluate_alerts",
    "tasks.deliver",
    "tasks.keeping",
    "tasks.smaller",
    "tasks.partial",
    "tasks.timelapse",
    "tasks.examine_firmware",
)

worker_pool = "threads"
worker_prefetch_multiplier = 1
worker_eta_task_limit = 1000
worker_send_task_events = True
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False

# None of them expires: Celery compares the time of beat's host with that of the worker's, and drops them all
# where these differ. Of those that have waited, each task follows one (see Locks.turn).
beat_schedule = {
    "sweep": {"task": dispatch.SWEEP, "schedule": 1.0},
    "deliver_commands": {"task": dispatch.DELIVER_COMMANDS, "schedule": 2.0},
    "fail_stale": {"task": dispatch.FAIL_STALE, "schedule": 300.0},
    "refresh_days": {"task": dispatch.REFRESH_DAYS, "schedule": 60.0},
    "flush_log": {"task": dispatch.FLUSH_LOG, "schedule": 2.0},
    "evaluate_alerts": {"task": dispatch.EVALUATE_ALERTS, "schedule": 60.0},
    "maintain_tables": {"task": dispatch.MAINTAIN_TABLES, "schedule": 300.0},
    "tell_home_assistant": {"task": dispatch.TELL_HOME_ASSISTANT, "schedule": 5.0},
    "deliver_events": {"task": dispatch.DELIVER_EVENTS, "schedule": 2.0},
    "keep_channels": {"task": dispatch.KEEP_CHANNELS, "schedule": 10.0},
    "apply_keep_policies": {"task": dispatch.APPLY_KEEP_POLICIES, "schedule": 10.0},
    "show_partial": {"task": dispatch.SHOW_PARTIAL, "schedule": 5.0},
    "remove_objects": {"task": dispatch.REMOVE_OBJECTS, "schedule": 10.0},
    "make_smaller": {"task": dispatch.MAKE_SMALLER, "schedule": 10.0},
    "reconcile_objects": {"task": dispatch.RECONCILE_OBJECTS, "schedule": 60.0},
    "examine_firmware": {"task": dispatch.EXAMINE_FIRMWARE, "schedule": 10.0},
    "make_timelapses": {"task": dispatch.MAKE_TIMELAPSES, "schedule": 5.0},
}
# All intervals are short, so beat does not need to remember the last runs in a file.
beat_scheduler = "celery.beat:Scheduler"
beat_max_loop_interval = 1
timezone = "UTC"
