select fleet_private.partition_by_time('device_publish_log', 'received_at');
