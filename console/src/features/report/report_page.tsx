/** A site or several devices over some days, to be printed, sent as a link, or taken along as a table. */
import { Button } from '@mantine/core'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { useState } from 'react'
import { useCall } from '@/shared/call'
import { DayRangeField } from '@/shared/components/day_range_field'
import { Page } from '@/shared/components/page'
import { SiteOrDevices } from '@/shared/components/site_or_devices'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { IconCheck, IconFileText, IconLink, IconPrinter } from '@/shared/icons'
import { commonText } from '@/shared/messages/common'
import { useText } from '@/shared/messages/define'
import { reportText } from '@/shared/messages/report'
import { compact, readDevices } from '@/shared/search'
import css from './report.module.css'
import type { Report } from './report_answers'
import { LONGEST_DAYS, MOST_DEVICES, type ReportSearch, rangeOf } from './report_search'
import { Sheet } from './sheet'

const route = getRouteApi('/shell/report')

export function ReportPage() {
  const text = useText(reportText)
  const search = route.useSearch()
  const range = rangeOf(search)
  const devices = readDevices(search.devices, MOST_DEVICES)
  const isChosen = search.site !== undefined || devices.length > 0
  const asked = compact({
    p_from: range.from,
    p_to: range.to,
    p_site: search.site,
    p_devices: devices.length > 0 ? [...devices] : undefined,
  }) as { p_from: string; p_to: string }
  const report = useCall('console_report', asked)
  // The reasons take longer than all the rest.
  const gaps = useCall('console_report_gaps', asked, { enabled: isChosen })

  return (
    <Page title={text.title} actions={isChosen && <Sharing search={search} />}>
      <Choices search={search} report={report.data} devices={devices} />
      <Loaded query={report} loading={<Blocks count={2} height="20rem" />}>
        {(answer) =>
          answer.devices.length > 0 ? (
            <Sheet report={answer} gaps={gaps} range={range} />
          ) : (
            <EmptyState icon={IconFileText} title={isChosen ? text.nothingTitle : text.chooseTitle}>
              {isChosen ? text.nothing : text.choose}
            </EmptyState>
          )
        }
      </Loaded>
    </Page>
  )
}

function Sharing({ search }: { readonly search: ReportSearch }) {
  const text = useText(reportText)
  const common = useText(commonText)
  const [copied, setCopied] = useState('')
  const router = useRouter()
  // With its days, so that it shows the same tomorrow.
  const { href } = router.buildLocation({ to: '/report', search: { ...search, ...rangeOf(search) } })
  const link = new URL(href, window.location.href).href
  const Sign = copied === link ? IconCheck : IconLink
  return (
    <div className={css.screenOnly}>
      <Button
        variant="default"
        leftSection={<Sign size={16} aria-hidden="true" />}
        title={text.linkHint}
        onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(link))}
      >
        {copied === link ? common.copied : text.link}
      </Button>
      <Button leftSection={<IconPrinter size={16} aria-hidden="true" />} onClick={() => window.print()}>
        {text.print}
      </Button>
    </div>
  )
}

interface ChoicesProps {
  readonly search: ReportSearch
  /** Nothing while it is loaded. */
  readonly report: Report | undefined
  readonly devices: readonly string[]
}

function Choices({ search, report, devices }: ChoicesProps) {
  const text = useText(reportText)
  const navigate = route.useNavigate()
  const change = (changes: { readonly [Name in keyof ReportSearch]?: ReportSearch[Name] | undefined }) =>
    void navigate({ search: (before) => compact({ ...before, ...changes }) as ReportSearch })
  return (
    <search className={css.choices} aria-label={text.choices}>
      <DayRangeField range={rangeOf(search)} longest={LONGEST_DAYS} onChange={change} />
      <SiteOrDevices
        site={search.site}
        devices={devices}
        most={MOST_DEVICES}
        noSite={text.noSite}
        known={report}
        onChange={change}
      />
    </search>
  )
}
