select fleet_private.partition_by_time('device_errors', 'occurred_at');
