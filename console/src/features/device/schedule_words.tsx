/** A schedule in a sentence. */
import { useText } from '@/shared/messages/define'
import { deviceText } from '@/shared/messages/device'
import type { Schedule } from './device_answers'

export function ScheduleWords({ schedule }: { readonly schedule: Schedule | null }) {
  const text = useText(deviceText).schedule
  if (schedule?.times_of_day)
    return <>{text.at(schedule.times_of_day.map((one) => one.slice(0, 5)).join(', '))}</>
  if (schedule?.captures_per_day) return <>{text.soOften(schedule.captures_per_day)}</>
  if (schedule?.interval_minutes) return <>{text.every(schedule.interval_minutes)}</>
  return <>{text.none}</>
}
