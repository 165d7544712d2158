select fleet_private.partition_by_time('device_status', 'received_at');
