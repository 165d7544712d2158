import '@mantine/core/styles.css'
import './shared/tokens.css'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient, router } from '@/app/router'
import { askAhead } from '@/features/devices/ahead'
import { askWho } from '@/shared/me'
import { cssVariables, theme } from '@/shared/theme'

const place = document.getElementById('root')
if (!place) throw new Error('index.html has no element #root')

// Who one is and what takes the database longest are asked for while the page is set up, before its code takes all connections;
// with filters, once the router has read them.
if (location.pathname === '/devices' && location.search === '') {
  void askWho(queryClient)
  void askAhead(queryClient, {})
}

createRoot(place).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
