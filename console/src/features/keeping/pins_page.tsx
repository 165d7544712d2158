/** Pictures that no policy lets go. */
import { Button } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { call, useAction } from '@/shared/call'
import { Dialog } from '@/shared/components/dialog'
import { LoadedPages } from '@/shared/components/loaded_pages'
import { Page } from '@/shared/components/page'
import { Picture } from '@/shared/components/picture'
import { Blocks, EmptyState } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { IconPin } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import type { PinnedPicture, Pins } from './keeping_answers'
import { KeepingTabs } from './keeping_tabs'

function usePins() {
  return useInfiniteQuery({
    queryKey: ['console_pins'],
    queryFn: ({ pageParam }) =>
      call('console_pins', {
        p_before: pageParam?.captured_at ?? null,
        p_before_id: pageParam?.capture_id ?? null,
      }),
    initialPageParam: null as PinnedPicture | null,
    getNextPageParam: (page: Pins) => (page.more ? page.pictures.at(-1) : undefined),
  })
}

export function PinsPage() {
  const text = useText(keepingText)
  const pins = usePins()
  return (
    <Page title={text.pins} lead={text.pinsLead}>
      <KeepingTabs />
      <LoadedPages
        query={pins}
        itemsOf={(page) => page.pictures}
        loading={<Blocks count={2} height="12rem" />}
        empty={
          <EmptyState icon={IconPin} title={text.noPin}>
            {text.noPinWords}
          </EmptyState>
        }
      >
        {(pictures, older) => (
          <div>
            <ul className={css.pictures} aria-label={text.pins}>
              {pictures.map((picture) => (
                <PinnedItem key={picture.capture_id} picture={picture} />
              ))}
            </ul>
            {older}
          </div>
        )}
      </LoadedPages>
    </Page>
  )
}

function PinnedItem({ picture }: { readonly picture: PinnedPicture }) {
  const text = useText(keepingText)
  const mayUnpin = useMay('operator')
  const pin = useAction('pin_captures', ['console_pins'])
  const [asks, setAsks] = useState(false)
  return (
    <li>
      <Picture path={picture.thumbnail_path} alt="" />
      <span className={css.caption}>
        <Link to="/devices/$deviceId" params={{ deviceId: picture.device_id }}>
          {picture.device_name}
        </Link>
        <When at={picture.captured_at} siteZone={picture.timezone} exact />
      </span>
      {mayUnpin && (
        <Button size="compact-sm" variant="subtle" onClick={() => setAsks(true)}>
          {text.unpin}
        </Button>
      )}
      {asks && (
        <Dialog
          title={text.unpin}
          button={text.unpin}
          act={() => pin.mutateAsync({ p_captures: [picture.capture_id], p_pinned: false })}
          close={() => setAsks(false)}
        >
          <p>{text.unpinWords}</p>
        </Dialog>
      )}
    </li>
  )
}
