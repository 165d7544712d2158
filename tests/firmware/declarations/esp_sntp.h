#pragma once
enum sntp_sync_status_t { SNTP_SYNC_STATUS_COMPLETED = 1 };
sntp_sync_status_t sntp_get_sync_status();
