import { Select } from '@mantine/core'
import { useState } from 'react'
import { useRows } from '@/shared/call'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { database } from '@/shared/supabase'

/** A device of the company by a part of its name; the first twenty that fit are offered. */
export function DevicePicker({ onChange }: { readonly onChange: (device: string | null) => void }) {
  const text = useText(commonText)
  const [search, setSearch] = useState('')
  const [chosen, setChosen] = useState<{ readonly value: string; readonly label: string } | null>(null)
  // What PostgREST or `like` would read as its own stands for any one sign.
  const words = chosen?.label === search ? '' : search.trim().replaceAll(/[^\p{L}\p{N} -]/gu, '_')
  const devices = useRows(['devices-named', words], () =>
    database
      .from('devices')
      .select('device_id, name')
      .or(`name.ilike.*${words}*,device_id.ilike.*${words}*`)
      .order('name')
      .limit(20),
  )
  const found = (devices.data ?? []).map(({ device_id, name }) => ({
    value: device_id,
    label: name ?? device_id,
  }))
  const offered = chosen && !found.some(({ value }) => value === chosen.value) ? [chosen, ...found] : found
  return (
    <Select
      label={text.scopes.device}
      placeholder={text.search}
      searchable
      comboboxProps={{ withinPortal: false }}
      required
      nothingFoundMessage={text.none}
      // The database has searched.
      filter={({ options }) => options}
      data={offered}
      value={chosen?.value ?? null}
      searchValue={search}
      onSearchChange={setSearch}
      onChange={(value) => {
        setChosen(offered.find((device) => device.value === value) ?? null)
        onChange(value)
      }}
    />
  )
}
