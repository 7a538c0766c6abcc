import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

/** The blue of deep water; its shades from 7 on have enough contrast with white for text. */
const water: MantineColorsTuple = [
  '#e8f6f8',
  '#cfe8ec',
  '#a3d2da',
  '#73bac7',
  '#4da6b6',
  '#2b93a6',
  '#157f93',
  '#0b6878',
  '#0b5563',
  '#07424d',
];

export const theme = createTheme({
  primaryColor: 'water',
  primaryShade: 7,
  colors: { water },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
});

const TINTED = ['red', 'orange', 'yellow', 'green', 'teal', 'blue', 'gray', 'water'];

/** Mantine's own shades of faint and tinted text have too little contrast for WCAG 2.2 AA. */
export const cssVariables: CSSVariablesResolver = ({ colors }) => {
  const tinted = (shade: number, towards: string) =>
    Object.fromEntries(
      TINTED.map((name) => [
        `--mantine-color-${name}-light-color`,
        `color-mix(in srgb, ${colors[name]![shade]} 65%, ${towards})`,
      ]),
    );
  return {
    variables: {},
    light: {
      '--mantine-color-dimmed': '#545b62',
      '--mantine-color-placeholder': '#5f666d',
      '--mantine-color-error': '#b3261e',
      '--mantine-color-anchor': water[8],
      ...tinted(9, 'black'),
    },
    dark: {
      '--mantine-color-dimmed': '#a9b1b8',
      '--mantine-color-placeholder': '#98a0a7',
      '--mantine-color-error': '#ff9b93',
      '--mantine-color-anchor': water[2],
      ...tinted(1, 'white'),
    },
  };
};
