// Mantine in this console's colours: its variables point at the roles, since its own dimmed, placeholder and filled fail.
import { createTheme, MantineProvider, type CSSVariablesResolver } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDisplay } from './display';

const scale = (v: string) => [v, v, v, v, v, v, v, v, v, v] as [string, string, ...string[]] as never;
const theme = createTheme({
  primaryColor: 'accent',
  colors: { accent: scale('var(--o-fill)'), danger: scale('var(--o-danger)') },
  fontFamily: 'var(--o-sans)', fontFamilyMonospace: 'var(--o-mono)',
  defaultRadius: 6,
  focusRing: 'auto', cursorType: 'pointer', respectReducedMotion: true,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.25rem' },
  components: {
    Modal: { defaultProps: { attributes: { header: { role: 'none' } }, transitionProps: { duration: 120, transition: 'fade' }, closeButtonProps: { 'aria-label': 'Close' }, centered: true } },
    Drawer: { defaultProps: { attributes: { header: { role: 'none' } } } },
    Button: { defaultProps: { size: 'sm' } },
    // Its own border is lighter than a control's may be.
    Input: { vars: () => ({ wrapper: { '--input-bd': 'var(--o-border)', '--input-bg': 'var(--o-body)' }, input: {} }) },
    SegmentedControl: { defaultProps: { transitionDuration: 0 }, styles: { root: { background: 'var(--o-sunken)' }, indicator: { background: 'var(--o-body)', border: '1px solid var(--o-border)' } } },
    TextInput: { defaultProps: { inputWrapperOrder: ['label', 'description', 'input', 'error'] } },
  },
});

const variables = {
  '--mantine-color-body': 'var(--o-body)', '--mantine-color-text': 'var(--o-text)', '--mantine-color-bright': 'var(--o-text)',
  '--mantine-color-dimmed': 'var(--o-muted)', '--mantine-color-placeholder': 'var(--o-placeholder)', '--mantine-color-anchor': 'var(--o-accent)',
  '--mantine-color-default': 'var(--o-body)', '--mantine-color-default-hover': 'var(--o-sunken)', '--mantine-color-default-color': 'var(--o-text)',
  '--mantine-color-default-border': 'var(--o-border)', '--mantine-color-error': 'var(--o-danger)', '--mantine-color-success': 'var(--o-success)',
  '--mantine-color-disabled': 'var(--o-sunken)', '--mantine-color-disabled-color': 'var(--o-muted)', '--mantine-color-disabled-border': 'var(--o-line)',
  '--mantine-primary-color-filled': 'var(--o-fill)', '--mantine-primary-color-filled-hover': 'color-mix(in srgb, var(--o-fill), black 14%)',
  '--mantine-primary-color-contrast': '#fff', '--mantine-primary-color-light': 'var(--o-sunken)', '--mantine-primary-color-light-hover': 'var(--o-sunken)',
  '--mantine-primary-color-light-color': 'var(--o-accent)',
  '--mantine-color-accent-filled': 'var(--o-fill)', '--mantine-color-accent-filled-hover': 'color-mix(in srgb, var(--o-fill), black 14%)',
  '--mantine-color-accent-light': 'var(--o-sunken)', '--mantine-color-accent-light-hover': 'var(--o-sunken)', '--mantine-color-accent-light-color': 'var(--o-accent)',
  '--mantine-color-accent-outline': 'var(--o-accent)', '--mantine-color-accent-text': 'var(--o-accent)',
  '--mantine-color-danger-light': 'var(--o-sunken)', '--mantine-color-danger-light-hover': 'var(--o-sunken)', '--mantine-color-danger-light-color': 'var(--o-danger)',
  '--mantine-color-danger-outline': 'var(--o-danger)', '--mantine-color-danger-text': 'var(--o-danger)',
};
const resolver: CSSVariablesResolver = () => ({ variables: {}, light: variables, dark: variables });

export function Look({ nonce, children }: { nonce: string; children: ReactNode }) {
  const { scheme } = useDisplay();
  return (
    <MantineProvider theme={theme} cssVariablesResolver={resolver} getStyleNonce={() => nonce} {...(scheme === 'auto' ? { defaultColorScheme: 'auto' as const } : { forceColorScheme: scheme })}
      colorSchemeManager={{ get: () => scheme, set: () => {}, subscribe: () => {}, unsubscribe: () => {}, clear: () => {} }}>
      {children}
    </MantineProvider>
  );
}
