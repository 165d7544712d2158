// Made by `make console-types` from the schema: what users may read and call. A test compares the two.
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export interface Database {
  public: {
    Tables: {
      alert_channels: {
        Row: {
          alert_kinds: string[] | null
          all_companies: boolean
          channel_id: string
          company_id: string | null
          created_at: string
          created_by: string | null
          dropped: number
          enabled: boolean
          event_types: string[]
          failures: number
          kind: string
          last_error: string | null
          last_error_at: string | null
          last_ok_at: string | null
          name: string
          next_try_at: string
          quiet_from: string | null
          quiet_timezone: string | null
          quiet_until: string | null
          replayed_at: string | null
          site_id: string | null
          state: string
          target: string
        }
        Insert: {
          alert_kinds?: string[] | null
          all_companies?: boolean
          channel_id?: string
          company_id?: string | null
          created_at?: string
          created_by?: string | null
          dropped?: number
          enabled?: boolean
          event_types: string[]
          failures?: number
          kind: string
          last_error?: string | null
          last_error_at?: string | null
          last_ok_at?: string | null
          name: string
          next_try_at?: string
          quiet_from?: string | null
          quiet_timezone?: string | null
          quiet_until?: string | null
          replayed_at?: string | null
          site_id?: string | null
          state?: string
          target: string
        }
        Update: {
          alert_kinds?: string[] | null
          all_companies?: boolean
          channel_id?: string
          company_id?: string | null
          created_at?: string
          created_by?: string | null
          dropped?: number
          enabled?: boolean
          event_types?: string[]
          failures?: number
          kind?: string
          last_error?: string | null
          last_error_at?: string | null
          last_ok_at?: string | null
          name?: string
          next_try_at?: string
          quiet_from?: string | null
          quiet_timezone?: string | null
          quiet_until?: string | null
          replayed_at?: string | null
          site_id?: string | null
          state?: string
          target?: string
        }
        Relationships: [
          { foreignKeyName: 'alert_channels_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'alert_channels_company_id_site_id_fkey'; columns: ['company_id', 'site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['company_id', 'site_id'] },
        ]
      }
      alert_rules: {
        Row: {
          at_least: number | null
          company_id: string
          created_at: string
          critical: number | null
          device_id: string | null
          enabled: boolean | null
          kind: string
          lower: number | null
          margin: number | null
          repeat_after: string | null
          rule_id: string
          site_id: string | null
          subject: string
          upper: number | null
        }
        Insert: {
          at_least?: number | null
          company_id: string
          created_at?: string
          critical?: number | null
          device_id?: string | null
          enabled?: boolean | null
          kind: string
          lower?: number | null
          margin?: number | null
          repeat_after?: string | null
          rule_id?: string
          site_id?: string | null
          subject?: string
          upper?: number | null
        }
        Update: {
          at_least?: number | null
          company_id?: string
          created_at?: string
          critical?: number | null
          device_id?: string | null
          enabled?: boolean | null
          kind?: string
          lower?: number | null
          margin?: number | null
          repeat_after?: string | null
          rule_id?: string
          site_id?: string | null
          subject?: string
          upper?: number | null
        }
        Relationships: [
          { foreignKeyName: 'alert_rules_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'alert_rules_company_id_site_id_fkey'; columns: ['company_id', 'site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['company_id', 'site_id'] },
          { foreignKeyName: 'alert_rules_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      alerts: {
        Row: {
          acknowledged_at: string | null
          acknowledged_by: string | null
          alert_id: string
          company_id: string | null
          details: Json
          device_id: string | null
          kind: string
          last_event_at: string | null
          message: string
          opened_at: string
          resolved_at: string | null
          severity: string
          site_id: string | null
          snooze_reason: string | null
          snoozed_by: string | null
          snoozed_until: string | null
          subject: string
        }
        Insert: {
          acknowledged_at?: string | null
          acknowledged_by?: string | null
          alert_id?: string
          company_id?: string | null
          details?: Json
          device_id?: string | null
          kind: string
          last_event_at?: string | null
          message: string
          opened_at?: string
          resolved_at?: string | null
          severity: string
          site_id?: string | null
          snooze_reason?: string | null
          snoozed_by?: string | null
          snoozed_until?: string | null
          subject?: string
        }
        Update: {
          acknowledged_at?: string | null
          acknowledged_by?: string | null
          alert_id?: string
          company_id?: string | null
          details?: Json
          device_id?: string | null
          kind?: string
          last_event_at?: string | null
          message?: string
          opened_at?: string
          resolved_at?: string | null
          severity?: string
          site_id?: string | null
          snooze_reason?: string | null
          snoozed_by?: string | null
          snoozed_until?: string | null
          subject?: string
        }
        Relationships: [
          { foreignKeyName: 'alerts_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'alerts_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
          { foreignKeyName: 'alerts_site_id_fkey'; columns: ['site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['site_id'] },
        ]
      }
      audit_log: {
        Row: {
          action: string
          actor: string | null
          actor_email: string | null
          at: string
          audit_id: number
          changes: Json
          company_id: string
          device_id: string | null
          subject: string
          table_name: string
        }
        Insert: {
          action: string
          actor?: string | null
          actor_email?: string | null
          at?: string
          changes?: Json
          company_id: string
          device_id?: string | null
          subject: string
          table_name: string
        }
        Update: {
          action?: string
          actor?: string | null
          actor_email?: string | null
          at?: string
          changes?: Json
          company_id?: string
          device_id?: string | null
          subject?: string
          table_name?: string
        }
        Relationships: [
        ]
      }
      capture_days: {
        Row: {
          battery_mv_max: number | null
          battery_mv_min: number | null
          battery_percent_max: number | null
          battery_percent_min: number | null
          bytes: number
          company_id: string | null
          day: string
          device_id: string
          expected: number | null
          failed_device: number
          failed_service: number
          failed_transfer: number
          gas_max: number | null
          gas_mean: number | null
          gas_min: number | null
          gas_readings: number
          hellos: number
          humidity_max: number | null
          humidity_mean: number | null
          humidity_min: number | null
          humidity_readings: number
          kept_bytes: number | null
          nacks: number
          partial: number
          pressure_max: number | null
          pressure_mean: number | null
          pressure_min: number | null
          pressure_readings: number
          refreshed_at: string
          rssi_max: number | null
          rssi_mean: number | null
          rssi_min: number | null
          rssi_readings: number
          silent: number
          stored: number
          temperature_max: number | null
          temperature_mean: number | null
          temperature_min: number | null
          temperature_readings: number
          timezone: string
        }
        Insert: {
          battery_mv_max?: number | null
          battery_mv_min?: number | null
          battery_percent_max?: number | null
          battery_percent_min?: number | null
          bytes?: number
          company_id?: string | null
          day: string
          device_id: string
          expected?: number | null
          failed_device?: number
          failed_service?: number
          failed_transfer?: number
          gas_max?: number | null
          gas_mean?: number | null
          gas_min?: number | null
          gas_readings?: number
          hellos?: number
          humidity_max?: number | null
          humidity_mean?: number | null
          humidity_min?: number | null
          humidity_readings?: number
          kept_bytes?: number | null
          nacks?: number
          partial?: number
          pressure_max?: number | null
          pressure_mean?: number | null
          pressure_min?: number | null
          pressure_readings?: number
          refreshed_at: string
          rssi_max?: number | null
          rssi_mean?: number | null
          rssi_min?: number | null
          rssi_readings?: number
          silent?: number
          stored?: number
          temperature_max?: number | null
          temperature_mean?: number | null
          temperature_min?: number | null
          temperature_readings?: number
          timezone: string
        }
        Update: {
          battery_mv_max?: number | null
          battery_mv_min?: number | null
          battery_percent_max?: number | null
          battery_percent_min?: number | null
          bytes?: number
          company_id?: string | null
          day?: string
          device_id?: string
          expected?: number | null
          failed_device?: number
          failed_service?: number
          failed_transfer?: number
          gas_max?: number | null
          gas_mean?: number | null
          gas_min?: number | null
          gas_readings?: number
          hellos?: number
          humidity_max?: number | null
          humidity_mean?: number | null
          humidity_min?: number | null
          humidity_readings?: number
          kept_bytes?: number | null
          nacks?: number
          partial?: number
          pressure_max?: number | null
          pressure_mean?: number | null
          pressure_min?: number | null
          pressure_readings?: number
          refreshed_at?: string
          rssi_max?: number | null
          rssi_mean?: number | null
          rssi_min?: number | null
          rssi_readings?: number
          silent?: number
          stored?: number
          temperature_max?: number | null
          temperature_mean?: number | null
          temperature_min?: number | null
          temperature_readings?: number
          timezone?: string
        }
        Relationships: [
          { foreignKeyName: 'capture_days_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      captures: {
        Row: {
          brightness: number | null
          capture_id: string
          captured_at: string
          captured_at_source: string
          company_id: string | null
          contrast: number | null
          created_at: string
          damaged: boolean
          device_capture_id: string
          device_id: string
          device_image_id: string | null
          dhash: number | null
          error_code: number | null
          expired_at: string | null
          expired_by: string | null
          firmware_version: string | null
          health: string | null
          health_reason: string | null
          height: number | null
          image_bytes: number | null
          image_sha256: string | null
          ingest_status: string
          location: string | null
          metadata: Json
          nacks_sent: number | null
          original_bytes: number | null
          partial_rows: number | null
          pinned: boolean
          shares_object: boolean | null
          sharpness: number | null
          smaller_at: string | null
          storage_path: string | null
          stored_at: string | null
          stored_quality: number | null
          stored_sha256: string | null
          story: Json | null
          thumbnail_path: string | null
          total_chunks: number | null
          updated_at: string
          width: number | null
        }
        Insert: {
          brightness?: number | null
          capture_id?: string
          captured_at: string
          captured_at_source?: string
          company_id?: string | null
          contrast?: number | null
          created_at?: string
          damaged?: boolean
          device_capture_id: string
          device_id: string
          device_image_id?: string | null
          dhash?: number | null
          error_code?: number | null
          expired_at?: string | null
          expired_by?: string | null
          firmware_version?: string | null
          health?: string | null
          health_reason?: string | null
          height?: number | null
          image_bytes?: number | null
          image_sha256?: string | null
          ingest_status?: string
          location?: string | null
          metadata?: Json
          nacks_sent?: number | null
          original_bytes?: number | null
          partial_rows?: number | null
          pinned?: boolean
          shares_object?: boolean | null
          sharpness?: number | null
          smaller_at?: string | null
          storage_path?: string | null
          stored_at?: string | null
          stored_quality?: number | null
          stored_sha256?: string | null
          story?: Json | null
          thumbnail_path?: string | null
          total_chunks?: number | null
          updated_at?: string
          width?: number | null
        }
        Update: {
          brightness?: number | null
          capture_id?: string
          captured_at?: string
          captured_at_source?: string
          company_id?: string | null
          contrast?: number | null
          created_at?: string
          damaged?: boolean
          device_capture_id?: string
          device_id?: string
          device_image_id?: string | null
          dhash?: number | null
          error_code?: number | null
          expired_at?: string | null
          expired_by?: string | null
          firmware_version?: string | null
          health?: string | null
          health_reason?: string | null
          height?: number | null
          image_bytes?: number | null
          image_sha256?: string | null
          ingest_status?: string
          location?: string | null
          metadata?: Json
          nacks_sent?: number | null
          original_bytes?: number | null
          partial_rows?: number | null
          pinned?: boolean
          shares_object?: boolean | null
          sharpness?: number | null
          smaller_at?: string | null
          storage_path?: string | null
          stored_at?: string | null
          stored_quality?: number | null
          stored_sha256?: string | null
          story?: Json | null
          thumbnail_path?: string | null
          total_chunks?: number | null
          updated_at?: string
          width?: number | null
        }
        Relationships: [
          { foreignKeyName: 'captures_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      companies: {
        Row: {
          company_id: string
          created_at: string
          name: string
          storage_quota_bytes: number | null
        }
        Insert: {
          company_id?: string
          created_at?: string
          name?: string
          storage_quota_bytes?: number | null
        }
        Update: {
          company_id?: string
          created_at?: string
          name?: string
          storage_quota_bytes?: number | null
        }
        Relationships: [
        ]
      }
      company_days: {
        Row: {
          battery_percent_min: number | null
          bytes: number
          company_id: string
          day: string
          devices: number
          expected: number | null
          failed_device: number
          failed_service: number
          failed_transfer: number
          gas_max: number | null
          gas_mean: number | null
          gas_min: number | null
          gas_readings: number
          hellos: number
          humidity_max: number | null
          humidity_mean: number | null
          humidity_min: number | null
          humidity_readings: number
          kept_bytes: number | null
          nacks: number
          partial: number
          pressure_max: number | null
          pressure_mean: number | null
          pressure_min: number | null
          pressure_readings: number
          refreshed_at: string
          rssi_min: number | null
          silent: number
          stored: number
          temperature_max: number | null
          temperature_mean: number | null
          temperature_min: number | null
          temperature_readings: number
        }
        Insert: {
          battery_percent_min?: number | null
          bytes: number
          company_id: string
          day: string
          devices: number
          expected?: number | null
          failed_device: number
          failed_service: number
          failed_transfer: number
          gas_max?: number | null
          gas_mean?: number | null
          gas_min?: number | null
          gas_readings: number
          hellos: number
          humidity_max?: number | null
          humidity_mean?: number | null
          humidity_min?: number | null
          humidity_readings: number
          kept_bytes?: number | null
          nacks: number
          partial: number
          pressure_max?: number | null
          pressure_mean?: number | null
          pressure_min?: number | null
          pressure_readings: number
          refreshed_at: string
          rssi_min?: number | null
          silent: number
          stored: number
          temperature_max?: number | null
          temperature_mean?: number | null
          temperature_min?: number | null
          temperature_readings: number
        }
        Update: {
          battery_percent_min?: number | null
          bytes?: number
          company_id?: string
          day?: string
          devices?: number
          expected?: number | null
          failed_device?: number
          failed_service?: number
          failed_transfer?: number
          gas_max?: number | null
          gas_mean?: number | null
          gas_min?: number | null
          gas_readings?: number
          hellos?: number
          humidity_max?: number | null
          humidity_mean?: number | null
          humidity_min?: number | null
          humidity_readings?: number
          kept_bytes?: number | null
          nacks?: number
          partial?: number
          pressure_max?: number | null
          pressure_mean?: number | null
          pressure_min?: number | null
          pressure_readings?: number
          refreshed_at?: string
          rssi_min?: number | null
          silent?: number
          stored?: number
          temperature_max?: number | null
          temperature_mean?: number | null
          temperature_min?: number | null
          temperature_readings?: number
        }
        Relationships: [
        ]
      }
      device_command_logs: {
        Row: {
          attempts: number | null
          command_id: string
          company_id: string | null
          created_at: string
          device_id: string
          log_id: number
          reason: string | null
          status: string
        }
        Insert: {
          attempts?: number | null
          command_id: string
          company_id?: string | null
          created_at?: string
          device_id: string
          reason?: string | null
          status: string
        }
        Update: {
          attempts?: number | null
          command_id?: string
          company_id?: string | null
          created_at?: string
          device_id?: string
          reason?: string | null
          status?: string
        }
        Relationships: [
          { foreignKeyName: 'device_command_logs_command_id_fkey'; columns: ['command_id']; isOneToOne: false; referencedRelation: 'device_commands'; referencedColumns: ['command_id'] },
        ]
      }
      device_commands: {
        Row: {
          attempts: number
          capture_id: string | null
          command_id: string
          company_id: string | null
          created_at: string
          created_by: string | null
          deadline: string | null
          device_id: string
          finished_at: string | null
          max_attempts: number
          payload: Json
          queue_number: number
          reason: string | null
          sent_at: string | null
          status: string
          type: string
        }
        Insert: {
          attempts?: number
          capture_id?: string | null
          command_id?: string
          company_id?: string | null
          created_at?: string
          created_by?: string | null
          deadline?: string | null
          device_id: string
          finished_at?: string | null
          max_attempts?: number
          payload?: Json
          reason?: string | null
          sent_at?: string | null
          status?: string
          type: string
        }
        Update: {
          attempts?: number
          capture_id?: string | null
          command_id?: string
          company_id?: string | null
          created_at?: string
          created_by?: string | null
          deadline?: string | null
          device_id?: string
          finished_at?: string | null
          max_attempts?: number
          payload?: Json
          reason?: string | null
          sent_at?: string | null
          status?: string
          type?: string
        }
        Relationships: [
          { foreignKeyName: 'device_commands_capture_id_fkey'; columns: ['capture_id']; isOneToOne: false; referencedRelation: 'captures'; referencedColumns: ['capture_id'] },
          { foreignKeyName: 'device_commands_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      device_configs: {
        Row: {
          captures_per_day: number | null
          company_id: string | null
          config_id: string
          created_at: string
          device_id: string | null
          interval_minutes: number | null
          times_of_day: string[] | null
          timezone: string | null
          wake_spread_s: number | null
        }
        Insert: {
          captures_per_day?: number | null
          company_id?: string | null
          config_id?: string
          created_at?: string
          device_id?: string | null
          interval_minutes?: number | null
          times_of_day?: string[] | null
          timezone?: string | null
          wake_spread_s?: number | null
        }
        Update: {
          captures_per_day?: number | null
          company_id?: string | null
          config_id?: string
          created_at?: string
          device_id?: string | null
          interval_minutes?: number | null
          times_of_day?: string[] | null
          timezone?: string | null
          wake_spread_s?: number | null
        }
        Relationships: [
          { foreignKeyName: 'device_configs_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'device_configs_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      device_conformance: {
        Row: {
          company_id: string
          deviations: Json
          device_id: string
          examined_at: string
          hellos: number
          pictures: number
          since: string | null
        }
        Insert: {
          company_id: string
          deviations: Json
          device_id: string
          examined_at?: string
          hellos: number
          pictures: number
          since?: string | null
        }
        Update: {
          company_id?: string
          deviations?: Json
          device_id?: string
          examined_at?: string
          hellos?: number
          pictures?: number
          since?: string | null
        }
        Relationships: [
          { foreignKeyName: 'device_conformance_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'device_conformance_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      device_errors: {
        Row: {
          company_id: string | null
          created_at: string
          details: Json | null
          device_id: string | null
          error_code: number
          error_id: number
          message: string | null
          message_key: string
          occurred_at: string
        }
        Insert: {
          company_id?: string | null
          created_at?: string
          details?: Json | null
          device_id?: string | null
          error_code: number
          message?: string | null
          message_key?: string
          occurred_at?: string
        }
        Update: {
          company_id?: string | null
          created_at?: string
          details?: Json | null
          device_id?: string | null
          error_code?: number
          message?: string | null
          message_key?: string
          occurred_at?: string
        }
        Relationships: [
        ]
      }
      device_publish_log: {
        Row: {
          company_id: string | null
          device_id: string | null
          direction: string
          log_id: number
          message_key: string
          payload: Json | null
          received_at: string
          topic: string | null
        }
        Insert: {
          company_id?: string | null
          device_id?: string | null
          direction: string
          message_key?: string
          payload?: Json | null
          received_at?: string
          topic?: string | null
        }
        Update: {
          company_id?: string | null
          device_id?: string | null
          direction?: string
          message_key?: string
          payload?: Json | null
          received_at?: string
          topic?: string | null
        }
        Relationships: [
        ]
      }
      device_status: {
        Row: {
          answer: Json | null
          battery_mv: number | null
          battery_percent: number | null
          boot_count: number | null
          company_id: string | null
          created_at: string
          device_id: string
          firmware_version: string | null
          free_heap_bytes: number | null
          message_key: string
          pending_count: number | null
          pending_list: Json | null
          raw: Json | null
          received_at: string
          status: string | null
          status_id: number
          uptime_s: number | null
          wifi_rssi_dbm: number | null
        }
        Insert: {
          answer?: Json | null
          battery_mv?: number | null
          battery_percent?: number | null
          boot_count?: number | null
          company_id?: string | null
          created_at?: string
          device_id: string
          firmware_version?: string | null
          free_heap_bytes?: number | null
          message_key?: string
          pending_count?: number | null
          pending_list?: Json | null
          raw?: Json | null
          received_at?: string
          status?: string | null
          uptime_s?: number | null
          wifi_rssi_dbm?: number | null
        }
        Update: {
          answer?: Json | null
          battery_mv?: number | null
          battery_percent?: number | null
          boot_count?: number | null
          company_id?: string | null
          created_at?: string
          device_id?: string
          firmware_version?: string | null
          free_heap_bytes?: number | null
          message_key?: string
          pending_count?: number | null
          pending_list?: Json | null
          raw?: Json | null
          received_at?: string
          status?: string | null
          uptime_s?: number | null
          wifi_rssi_dbm?: number | null
        }
        Relationships: [
        ]
      }
      devices: {
        Row: {
          battery_mv: number | null
          battery_percent: number | null
          boot_count: number | null
          capture_asked_at: string | null
          company_id: string | null
          created_at: string
          device_hw_id: string | null
          device_id: string
          firmware_version: string | null
          free_heap_bytes: number | null
          last_capture_at: string | null
          last_hello_at: string | null
          last_seen_at: string | null
          location: string | null
          name: string | null
          next_wake_at: string | null
          notes: string | null
          pending_count: number | null
          released_at: string | null
          reported_location: string | null
          site_id: string | null
          tags: string[]
          timezone: string | null
          uptime_s: number | null
          wake_override_at: string | null
          wifi_rssi_dbm: number | null
        }
        Insert: {
          battery_mv?: number | null
          battery_percent?: number | null
          boot_count?: number | null
          capture_asked_at?: string | null
          company_id?: string | null
          created_at?: string
          device_hw_id?: string | null
          device_id: string
          firmware_version?: string | null
          free_heap_bytes?: number | null
          last_capture_at?: string | null
          last_hello_at?: string | null
          last_seen_at?: string | null
          location?: string | null
          name?: string | null
          next_wake_at?: string | null
          notes?: string | null
          pending_count?: number | null
          released_at?: string | null
          reported_location?: string | null
          site_id?: string | null
          tags?: string[]
          timezone?: string | null
          uptime_s?: number | null
          wake_override_at?: string | null
          wifi_rssi_dbm?: number | null
        }
        Update: {
          battery_mv?: number | null
          battery_percent?: number | null
          boot_count?: number | null
          capture_asked_at?: string | null
          company_id?: string | null
          created_at?: string
          device_hw_id?: string | null
          device_id?: string
          firmware_version?: string | null
          free_heap_bytes?: number | null
          last_capture_at?: string | null
          last_hello_at?: string | null
          last_seen_at?: string | null
          location?: string | null
          name?: string | null
          next_wake_at?: string | null
          notes?: string | null
          pending_count?: number | null
          released_at?: string | null
          reported_location?: string | null
          site_id?: string | null
          tags?: string[]
          timezone?: string | null
          uptime_s?: number | null
          wake_override_at?: string | null
          wifi_rssi_dbm?: number | null
        }
        Relationships: [
          { foreignKeyName: 'devices_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'devices_site_fkey'; columns: ['company_id', 'site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['company_id', 'site_id'] },
        ]
      }
      invitations: {
        Row: {
          accepted_at: string | null
          accepted_by: string | null
          company_id: string
          created_at: string
          email: string
          expires_at: string
          invitation_id: string
          invited_by: string | null
          role: string
          token_sha256: string
        }
        Insert: {
          accepted_at?: string | null
          accepted_by?: string | null
          company_id: string
          created_at?: string
          email: string
          expires_at?: string
          invitation_id?: string
          invited_by?: string | null
          role: string
          token_sha256: string
        }
        Update: {
          accepted_at?: string | null
          accepted_by?: string | null
          company_id?: string
          created_at?: string
          email?: string
          expires_at?: string
          invitation_id?: string
          invited_by?: string | null
          role?: string
          token_sha256?: string
        }
        Relationships: [
          { foreignKeyName: 'invitations_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
        ]
      }
      keep_policies: {
        Row: {
          changed_at: string
          company_id: string
          daily_after_days: number | null
          device_id: string | null
          hourly_after_days: number | null
          max_age_days: number | null
          max_bytes: number | null
          max_count: number | null
          policy_id: string
          site_id: string | null
          smaller_after_days: number | null
          smaller_quality: number | null
          smaller_width: number | null
          weekly_after_days: number | null
        }
        Insert: {
          changed_at?: string
          company_id: string
          daily_after_days?: number | null
          device_id?: string | null
          hourly_after_days?: number | null
          max_age_days?: number | null
          max_bytes?: number | null
          max_count?: number | null
          policy_id?: string
          site_id?: string | null
          smaller_after_days?: number | null
          smaller_quality?: number | null
          smaller_width?: number | null
          weekly_after_days?: number | null
        }
        Update: {
          changed_at?: string
          company_id?: string
          daily_after_days?: number | null
          device_id?: string | null
          hourly_after_days?: number | null
          max_age_days?: number | null
          max_bytes?: number | null
          max_count?: number | null
          policy_id?: string
          site_id?: string | null
          smaller_after_days?: number | null
          smaller_quality?: number | null
          smaller_width?: number | null
          weekly_after_days?: number | null
        }
        Relationships: [
          { foreignKeyName: 'keep_policies_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'keep_policies_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
          { foreignKeyName: 'keep_policies_site_fkey'; columns: ['company_id', 'site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['company_id', 'site_id'] },
        ]
      }
      maintenance_windows: {
        Row: {
          company_id: string
          created_at: string
          created_by: string | null
          device_id: string | null
          ends_at: string
          reason: string
          site_id: string | null
          starts_at: string
          window_id: string
        }
        Insert: {
          company_id: string
          created_at?: string
          created_by?: string | null
          device_id?: string | null
          ends_at: string
          reason: string
          site_id?: string | null
          starts_at: string
          window_id?: string
        }
        Update: {
          company_id?: string
          created_at?: string
          created_by?: string | null
          device_id?: string | null
          ends_at?: string
          reason?: string
          site_id?: string | null
          starts_at?: string
          window_id?: string
        }
        Relationships: [
          { foreignKeyName: 'maintenance_windows_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'maintenance_windows_company_id_site_id_fkey'; columns: ['company_id', 'site_id']; isOneToOne: false; referencedRelation: 'sites'; referencedColumns: ['company_id', 'site_id'] },
          { foreignKeyName: 'maintenance_windows_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      sensor_readings: {
        Row: {
          capture_id: string | null
          company_id: string | null
          created_at: string
          device_id: string
          gas_kohm: number | null
          humidity_pct: number | null
          measured_at: string | null
          pressure_hpa: number | null
          reading_id: number
          temperature_c: number | null
        }
        Insert: {
          capture_id?: string | null
          company_id?: string | null
          created_at?: string
          device_id: string
          gas_kohm?: number | null
          humidity_pct?: number | null
          measured_at?: string | null
          pressure_hpa?: number | null
          temperature_c?: number | null
        }
        Update: {
          capture_id?: string | null
          company_id?: string | null
          created_at?: string
          device_id?: string
          gas_kohm?: number | null
          humidity_pct?: number | null
          measured_at?: string | null
          pressure_hpa?: number | null
          temperature_c?: number | null
        }
        Relationships: [
          { foreignKeyName: 'sensor_readings_capture_id_fkey'; columns: ['capture_id']; isOneToOne: false; referencedRelation: 'captures'; referencedColumns: ['capture_id'] },
          { foreignKeyName: 'sensor_readings_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      sites: {
        Row: {
          company_id: string
          created_at: string
          name: string
          site_id: string
          timezone: string | null
        }
        Insert: {
          company_id: string
          created_at?: string
          name: string
          site_id?: string
          timezone?: string | null
        }
        Update: {
          company_id?: string
          created_at?: string
          name?: string
          site_id?: string
          timezone?: string | null
        }
        Relationships: [
          { foreignKeyName: 'sites_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
        ]
      }
      timelapses: {
        Row: {
          attempts: number
          burn_date: boolean
          burn_readings: boolean
          bytes: number | null
          claim: string | null
          company_id: string
          created_at: string
          deflicker: boolean
          device_id: string
          duration_s: number | null
          error: string | null
          error_code: string | null
          finished_at: string | null
          format: string
          fps: number
          frames_done: number
          frames_total: number | null
          lease_until: string | null
          path: string | null
          requested_by: string | null
          since: string
          started_at: string | null
          state: string
          timelapse_id: string
          timezone: string
          until: string
          width: number
        }
        Insert: {
          attempts?: number
          burn_date: boolean
          burn_readings: boolean
          bytes?: number | null
          claim?: string | null
          company_id: string
          created_at?: string
          deflicker: boolean
          device_id: string
          duration_s?: number | null
          error?: string | null
          error_code?: string | null
          finished_at?: string | null
          format: string
          fps: number
          frames_done?: number
          frames_total?: number | null
          lease_until?: string | null
          path?: string | null
          requested_by?: string | null
          since: string
          started_at?: string | null
          state?: string
          timelapse_id?: string
          timezone: string
          until: string
          width: number
        }
        Update: {
          attempts?: number
          burn_date?: boolean
          burn_readings?: boolean
          bytes?: number | null
          claim?: string | null
          company_id?: string
          created_at?: string
          deflicker?: boolean
          device_id?: string
          duration_s?: number | null
          error?: string | null
          error_code?: string | null
          finished_at?: string | null
          format?: string
          fps?: number
          frames_done?: number
          frames_total?: number | null
          lease_until?: string | null
          path?: string | null
          requested_by?: string | null
          since?: string
          started_at?: string | null
          state?: string
          timelapse_id?: string
          timezone?: string
          until?: string
          width?: number
        }
        Relationships: [
          { foreignKeyName: 'timelapses_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
          { foreignKeyName: 'timelapses_device_id_fkey'; columns: ['device_id']; isOneToOne: false; referencedRelation: 'devices'; referencedColumns: ['device_id'] },
        ]
      }
      users: {
        Row: {
          company_id: string | null
          created_at: string
          email: string | null
          role: string
          user_id: string
        }
        Insert: {
          company_id?: string | null
          created_at?: string
          email?: string | null
          role: string
          user_id: string
        }
        Update: {
          company_id?: string | null
          created_at?: string
          email?: string | null
          role?: string
          user_id?: string
        }
        Relationships: [
          { foreignKeyName: 'users_company_id_fkey'; columns: ['company_id']; isOneToOne: false; referencedRelation: 'companies'; referencedColumns: ['company_id'] },
        ]
      }
    }
    Views: {
      capture_months: {
        Row: {
          battery_mv_max: number | null
          battery_mv_min: number | null
          battery_percent_max: number | null
          battery_percent_min: number | null
          bytes: number | null
          company_id: string | null
          days: number | null
          device_id: string | null
          expected: number | null
          failed_device: number | null
          failed_service: number | null
          failed_transfer: number | null
          gas_max: number | null
          gas_mean: number | null
          gas_min: number | null
          gas_readings: number | null
          hellos: number | null
          humidity_max: number | null
          humidity_mean: number | null
          humidity_min: number | null
          humidity_readings: number | null
          month: string | null
          nacks: number | null
          partial: number | null
          pressure_max: number | null
          pressure_mean: number | null
          pressure_min: number | null
          pressure_readings: number | null
          rssi_max: number | null
          rssi_mean: number | null
          rssi_min: number | null
          rssi_readings: number | null
          silent: number | null
          stored: number | null
          temperature_max: number | null
          temperature_mean: number | null
          temperature_min: number | null
          temperature_readings: number | null
        }
        Relationships: [
        ]
      }
      capture_weeks: {
        Row: {
          battery_mv_max: number | null
          battery_mv_min: number | null
          battery_percent_max: number | null
          battery_percent_min: number | null
          bytes: number | null
          company_id: string | null
          days: number | null
          device_id: string | null
          expected: number | null
          failed_device: number | null
          failed_service: number | null
          failed_transfer: number | null
          gas_max: number | null
          gas_mean: number | null
          gas_min: number | null
          gas_readings: number | null
          hellos: number | null
          humidity_max: number | null
          humidity_mean: number | null
          humidity_min: number | null
          humidity_readings: number | null
          nacks: number | null
          partial: number | null
          pressure_max: number | null
          pressure_mean: number | null
          pressure_min: number | null
          pressure_readings: number | null
          rssi_max: number | null
          rssi_mean: number | null
          rssi_min: number | null
          rssi_readings: number | null
          silent: number | null
          stored: number | null
          temperature_max: number | null
          temperature_mean: number | null
          temperature_min: number | null
          temperature_readings: number | null
          week: string | null
        }
        Relationships: [
        ]
      }
      device_health: {
        Row: {
          battery_mv: number | null
          battery_mv_min: number | null
          battery_percent: number | null
          battery_percent_min: number | null
          company_id: string | null
          device_id: string | null
          expected: number | null
          failed_device: number | null
          failed_service: number | null
          failed_transfer: number | null
          firmware_version: string | null
          heard_share: number | null
          hellos: number | null
          last_seen_at: string | null
          nacks: number | null
          name: string | null
          next_wake_at: string | null
          partial: number | null
          pending_count: number | null
          refreshed_at: string | null
          rssi_mean: number | null
          rssi_min: number | null
          silent: number | null
          stored: number | null
          stored_share: number | null
          wifi_rssi_dbm: number | null
        }
        Relationships: [
        ]
      }
      device_states: {
        Row: {
          battery_level: number | null
          company_id: string | null
          device_id: string | null
          last_seen_at: string | null
          location: string | null
          name: string | null
          next_wake_at: string | null
          site_id: string | null
          state: string | null
          tags: string[] | null
          timezone: string | null
          wifi_rssi_dbm: number | null
        }
        Relationships: [
        ]
      }
      site_days: {
        Row: {
          battery_percent_min: number | null
          bytes: number | null
          company_id: string | null
          day: string | null
          devices: number | null
          expected: number | null
          failed_device: number | null
          failed_service: number | null
          failed_transfer: number | null
          hellos: number | null
          humidity_max: number | null
          humidity_mean: number | null
          humidity_min: number | null
          humidity_readings: number | null
          nacks: number | null
          partial: number | null
          rssi_min: number | null
          silent: number | null
          site_id: string | null
          stored: number | null
          temperature_max: number | null
          temperature_mean: number | null
          temperature_min: number | null
          temperature_readings: number | null
        }
        Relationships: [
        ]
      }
    }
    Functions: {
      accept_invitation: {
        Args: { p_token: string | null }
        Returns: string
      }
      acknowledge_alert: {
        Args: { p_alert: string | null }
        Returns: undefined
      }
      cancel_command: {
        Args: { p_command: string | null }
        Returns: undefined
      }
      cancel_timelapse: {
        Args: { p_timelapse: string | null }
        Returns: boolean
      }
      capture_story: {
        Args: { p_capture: string | null }
        Returns: Json
      }
      channel_deliveries: {
        Args: { p_channel: string | null; p_state?: string | null; p_limit?: number | null }
        Returns: Json
      }
      claim_device: {
        Args: { p_code: string | null }
        Returns: string
      }
      console_alert_settings: {
        Args: Record<PropertyKey, never>
        Returns: Json
      }
      console_alerts: {
        Args: { p_past?: boolean | null; p_kind?: string | null; p_site?: string | null; p_device?: string | null; p_before?: string | null; p_before_id?: string | null; p_limit?: number | null }
        Returns: Json
      }
      console_arrivals: {
        Args: { p_since: string | null; p_filter?: Json | null }
        Returns: Json
      }
      console_device: {
        Args: { p_device: string | null }
        Returns: Json
      }
      console_device_checks: {
        Args: { p_device: string | null }
        Returns: Json
      }
      console_device_history: {
        Args: { p_device: string | null; p_from: string | null; p_to: string | null }
        Returns: Json
      }
      console_devices: {
        Args: { p_search?: string | null; p_site?: string | null; p_tag?: string | null; p_state?: string | null; p_sort?: string | null; p_limit?: number | null }
        Returns: Json
      }
      console_gallery: {
        Args: { p_filter?: Json | null }
        Returns: Json
      }
      console_keeping: {
        Args: Record<PropertyKey, never>
        Returns: Json
      }
      console_overview: {
        Args: { p_pictures?: number | null }
        Returns: Json
      }
      console_picture: {
        Args: { p_capture: string | null; p_other?: string | null; p_every?: string | null }
        Returns: Json
      }
      console_pictures: {
        Args: { p_from: string | null; p_to: string | null; p_filter?: Json | null; p_after_at?: string | null; p_after?: string | null }
        Returns: Json
      }
      console_pins: {
        Args: { p_before?: string | null; p_before_id?: string | null; p_limit?: number | null }
        Returns: Json
      }
      console_report: {
        Args: { p_from: string | null; p_to: string | null; p_site?: string | null; p_devices?: string[] | null }
        Returns: Json
      }
      console_report_gaps: {
        Args: { p_from: string | null; p_to: string | null; p_site?: string | null; p_devices?: string[] | null }
        Returns: Json
      }
      console_timelapses: {
        Args: Record<PropertyKey, never>
        Returns: Json
      }
      console_trend_sensor: {
        Args: { p_sensor: string | null; p_from: string | null; p_to: string | null; p_devices?: string[] | null; p_site?: string | null; p_zone?: string | null }
        Returns: Json
      }
      console_trends: {
        Args: { p_from: string | null; p_to: string | null; p_step?: string | null; p_by?: string | null; p_site?: string | null; p_devices?: string[] | null }
        Returns: Json
      }
      console_wakes: {
        Args: { p_device: string | null; p_captures_per_day?: number | null; p_times_of_day?: string[] | null; p_interval_minutes?: number | null; p_timezone?: string | null; p_wake_spread_s?: number | null }
        Returns: Json
      }
      create_channel: {
        Args: { p_name: string | null; p_kind: string | null; p_target: string | null; p_more?: Json | null }
        Returns: Json
      }
      delete_captures: {
        Args: { p_captures: string[] | null }
        Returns: Json
      }
      delete_channel: {
        Args: { p_channel: string | null }
        Returns: undefined
      }
      delete_timelapse: {
        Args: { p_timelapse: string | null }
        Returns: undefined
      }
      device_gaps: {
        Args: { p_device: string | null; p_from: string | null; p_to: string | null; p_limit?: number | null }
        Returns: { wake_at: string; timezone: string; reason: string; code: string; params: Json; sentence: string; capture_id: string }[]
      }
      end_maintenance: {
        Args: { p_window: string | null }
        Returns: undefined
      }
      invite_member: {
        Args: { p_email: string | null; p_role: string | null }
        Returns: string
      }
      link_advice: {
        Args: { p_device: string | null; p_from?: string | null }
        Returns: Json
      }
      pin_captures: {
        Args: { p_captures: string[] | null; p_pinned?: boolean | null }
        Returns: number
      }
      preview_keep_policy: {
        Args: { p_policy: Json | null; p_at?: string | null }
        Returns: Json
      }
      release_device: {
        Args: { p_device: string | null }
        Returns: undefined
      }
      remove_member: {
        Args: { p_user: string | null }
        Returns: undefined
      }
      replay_events: {
        Args: { p_channel: string | null; p_since: string | null }
        Returns: Json
      }
      request_timelapse: {
        Args: { p_device: string | null; p_from: string | null; p_to: string | null; p_options?: Json | null }
        Returns: string
      }
      rotate_channel_secret: {
        Args: { p_channel: string | null }
        Returns: string
      }
      sensor_trend: {
        Args: { p_device: string | null; p_sensor: string | null; p_from: string | null; p_to?: string | null; p_points?: number | null }
        Returns: { since: string; minimum: number; mean: number; maximum: number; readings: number }[]
      }
      set_alert_rule: {
        Args: { p_kind: string | null; p_device?: string | null; p_site?: string | null; p_subject?: string | null; p_enabled?: boolean | null; p_lower?: number | null; p_upper?: number | null; p_margin?: number | null; p_critical?: number | null; p_at_least?: number | null; p_repeat_after?: string | null }
        Returns: undefined
      }
      set_keep_policy: {
        Args: { p_policy: Json | null }
        Returns: undefined
      }
      set_member_role: {
        Args: { p_user: string | null; p_role: string | null }
        Returns: undefined
      }
      set_schedule: {
        Args: { p_device: string | null; p_captures_per_day?: number | null; p_times_of_day?: string[] | null; p_interval_minutes?: number | null; p_timezone?: string | null; p_wake_spread_s?: number | null }
        Returns: undefined
      }
      snooze_alert: {
        Args: { p_alert: string | null; p_until: string | null; p_reason?: string | null }
        Returns: undefined
      }
      start_maintenance: {
        Args: { p_until: string | null; p_reason: string | null; p_from?: string | null; p_device?: string | null; p_site?: string | null }
        Returns: string
      }
      storage_usage: {
        Args: { p_limit?: number | null }
        Returns: Json
      }
      test_channel: {
        Args: { p_channel: string | null }
        Returns: string
      }
      update_channel: {
        Args: { p_channel: string | null; p_changes: Json | null }
        Returns: undefined
      }
      update_device: {
        Args: { p_device: string | null; p_changes: Json | null }
        Returns: undefined
      }
      update_devices: {
        Args: { p_devices: string[] | null; p_changes: Json | null }
        Returns: undefined
      }
    }
    Enums: Record<string, never>
    CompositeTypes: Record<string, never>
  }
}
