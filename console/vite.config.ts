import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// biome-ignore lint/style/noDefaultExport: Vite reads its settings from the default export.
export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2023',
    manifest: true,
    sourcemap: false,
    // What is too large scripts/size.mjs says.
    chunkSizeWarningLimit: 1000,
    // The console's policy allows no data: fonts; and small pictures are files like the others.
    assetsInlineLimit: 0,
    // The list of what each page needs, which the size check adds up, is exact without the polyfill.
    modulePreload: { polyfill: false },
    // Few files, since each is a request of its own before a page is shown: one for what all pages need, one for what most do.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'first', tags: ['$initial'], priority: 2 },
            { name: 'common', minShareCount: 10, priority: 1 },
          ],
        },
      },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'] },
})
