/** Mantine's components in the console's colours; the tokens themselves stand in tokens.css. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

const fern: MantineColorsTuple = [
  '#e6f7f2',
  '#cfeae1',
  '#a3d7c7',
  '#73c2ab',
  '#4cb093',
  '#33a184',
  '#1f8f74',
  '#137c66',
  '#0b6e5c',
  '#075447',
]

export const theme = createTheme({
  colors: { fern },
  primaryColor: 'fern',
  // The default shade of a filled button has a contrast of 3.56:1 with its text.
  primaryShade: 8,
  fontFamily: 'var(--font-text)',
  fontFamilyMonospace: 'var(--font-code)',
  defaultRadius: 'md',
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '20px' },
  headings: { fontWeight: '620' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    // What may be left out says so.
    InputWrapper: { defaultProps: { withAsterisk: false } },
    Modal: { defaultProps: { centered: true, radius: 'lg' } },
    Menu: { defaultProps: { shadow: 'md', radius: 'md' } },
  },
})

export const cssVariables: CSSVariablesResolver = () => {
  const alike = {
    '--mantine-color-body': 'var(--surface)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--text-soft)',
    '--mantine-color-placeholder': 'var(--text-soft)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-error': 'var(--bad)',
    '--mantine-color-default': 'var(--surface)',
    '--mantine-color-default-hover': 'var(--sunken)',
    '--mantine-color-default-color': 'var(--text)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-primary-color-light': 'var(--accent-soft)',
    '--mantine-primary-color-light-color': 'var(--accent)',
    '--mantine-color-fern-light': 'var(--accent-soft)',
    '--mantine-color-fern-light-color': 'var(--accent)',
    '--mantine-color-fern-text': 'var(--accent)',
    '--mantine-color-fern-outline': 'var(--accent)',
    '--mantine-color-red-light': 'var(--bad-soft)',
    '--mantine-color-red-light-color': 'var(--bad)',
  }
  return { variables: {}, light: alike, dark: alike }
}
