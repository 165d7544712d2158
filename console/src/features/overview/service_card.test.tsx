import { render } from '@testing-library/react'
import { expect, it } from 'vitest'
import { changeSettings } from '@/shared/settings'
import { ServiceCard } from './service_card'

it('says in the language of the viewer what is wrong with the service', () => {
  changeSettings({ language: 'de' })
  const { container } = render(
    <ServiceCard
      service={{
        last_heard_at: null,
        last_stored_at: null,
        waiting: 0,
        waiting_since: null,
        ill: 'The service is ill: no listener is running.',
        troubles: 'no listener is running',
      }}
    />,
  )
  expect(container.textContent).toContain('Der Dienst ist krank')
  expect(container.textContent).toContain('kein Listener läuft')
  expect(container.textContent).not.toContain('no listener')
})
