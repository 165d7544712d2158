/** Films of the pictures of a device: those that are being made, and those that are there to watch. */
import { Button } from '@mantine/core'
import { useState } from 'react'
import { useAction, useCall } from '@/shared/call'
import { ActionError } from '@/shared/components/action_error'
import { Dialog } from '@/shared/components/dialog'
import { Mark } from '@/shared/components/mark'
import { Overlay } from '@/shared/components/overlay'
import { Card, Page } from '@/shared/components/page'
import { useLink } from '@/shared/components/picture'
import { Row, Rows } from '@/shared/components/rows'
import { Blocks, EmptyState, Loaded } from '@/shared/components/states'
import { When } from '@/shared/components/when'
import { useFormat } from '@/shared/format'
import { IconMovie, IconPlus } from '@/shared/icons'
import { useMay } from '@/shared/me'
import { useText } from '@/shared/messages/define'
import { keepingText } from '@/shared/messages/keeping'
import css from './keeping.module.css'
import type { Timelapse } from './keeping_answers'
import { KeepingTabs } from './keeping_tabs'
import { TimelapseDialog } from './timelapse_dialog'

const TONES = { queued: 'rest', running: 'odd', done: 'good', failed: 'bad', cancelled: 'rest' } as const
const REFRESHED = ['console_timelapses'] as const

export function TimelapsesPage() {
  const text = useText(keepingText)
  const mayAsk = useMay('operator')
  const films = useCall('console_timelapses', {}, { every: 5_000 })
  const [asks, setAsks] = useState(false)
  const button = mayAsk && (
    <Button leftSection={<IconPlus size={16} aria-hidden="true" />} onClick={() => setAsks(true)}>
      {text.ask}
    </Button>
  )
  return (
    <Page title={text.timelapses} lead={text.timelapsesLead} actions={button}>
      <KeepingTabs />
      <Loaded query={films} loading={<Blocks count={3} height="4rem" />}>
        {(found) =>
          found.length === 0 ? (
            <EmptyState icon={IconMovie} title={text.noFilm}>
              {mayAsk ? text.noFilmWords : text.noFilmWordsOthers}
            </EmptyState>
          ) : (
            <Card>
              <Rows label={text.timelapses}>
                {found.map((film) => (
                  <FilmRow key={film.timelapse_id} film={film} />
                ))}
              </Rows>
            </Card>
          )
        }
      </Loaded>
      {asks && <TimelapseDialog close={() => setAsks(false)} />}
    </Page>
  )
}

function FilmRow({ film }: { readonly film: Timelapse }) {
  const text = useText(keepingText)
  const format = useFormat()
  const mayAct = useMay('operator')
  const cancel = useAction('cancel_timelapse', REFRESHED)
  const remove = useAction('delete_timelapse', REFRESHED)
  const [asked, setAsked] = useState<'watch' | 'remove' | null>(null)
  const isUnderWay = film.state === 'queued' || film.state === 'running'
  const p_timelapse = film.timelapse_id
  return (
    <Row
      title={film.device_name}
      mark={<Mark tone={TONES[film.state]}>{text.states[film.state]}</Mark>}
      actions={
        <>
          {film.path && (
            <Button variant="default" onClick={() => setAsked('watch')}>
              {text.watch}
            </Button>
          )}
          {mayAct && isUnderWay && (
            <Button
              variant="subtle"
              loading={cancel.isPending}
              onClick={() => cancel.mutate({ p_timelapse })}
            >
              {text.cancel}
            </Button>
          )}
          {mayAct && !isUnderWay && (
            <Button variant="subtle" color="red" onClick={() => setAsked('remove')}>
              {text.remove}
            </Button>
          )}
          <ActionError error={cancel.error} />
        </>
      }
    >
      <When at={film.since} exact /> – <When at={film.until} exact />
      <span className={css.line}>
        {film.error ?? progressOf(film, text, format)}
        {film.requested_by && ` · ${film.requested_by}`}
      </span>
      {asked === 'watch' && film.path && <Film film={film} path={film.path} close={() => setAsked(null)} />}
      {asked === 'remove' && (
        <Dialog
          title={text.remove}
          button={text.remove}
          isGrave
          act={() => remove.mutateAsync({ p_timelapse })}
          close={() => setAsked(null)}
        >
          <p>{text.removeWords(film.device_name)}</p>
        </Dialog>
      )}
    </Row>
  )
}

function progressOf(
  film: Timelapse,
  text: {
    readonly frames: (done: string, total: string) => string
    readonly length: (seconds: string, bytes: string) => string
  },
  format: ReturnType<typeof useFormat>,
): string {
  if (film.state === 'done') {
    return text.length(format.number(film.duration_s ?? 0, 1), format.bytes(film.bytes ?? 0))
  }
  if (film.frames_total === null) return format.moment(film.created_at)
  return text.frames(format.number(film.frames_done), format.number(film.frames_total))
}

interface FilmProps {
  readonly film: Timelapse
  readonly path: string
  readonly close: () => void
}

function Film({ film, path, close }: FilmProps) {
  const text = useText(keepingText)
  const link = useLink(path)
  return (
    <Overlay title={film.device_name} size="lg" close={close}>
      {link.data &&
        (film.format === 'mp4' ? (
          <video className={css.film} src={link.data} controls autoPlay muted loop playsInline />
        ) : (
          <img className={css.film} src={link.data} alt={film.device_name} />
        ))}
      {link.data && (
        <Button
          component="a"
          href={link.data}
          download={`${film.device_name}.${film.format}`}
          variant="default"
          mt="md"
        >
          {text.download}
        </Button>
      )}
    </Overlay>
  )
}
