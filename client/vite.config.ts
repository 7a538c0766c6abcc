import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  // Addresses are relative to <base>, which the service sets to where it is served.
  base: './',
  build: {
    outDir: 'dist',
    target: 'es2022',
    sourcemap: true,
    chunkSizeWarningLimit: 700,
    // Nothing is put into addresses as data: the fonts and pictures of the page are files of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['api', 'socket.io', 'docs', 'downloads'].map((name) => [
        `/${name}`,
        { target: 'http://127.0.0.1:8000', ws: true, changeOrigin: true },
      ]),
    ),
  },
  test: { environment: 'jsdom', setupFiles: './src/test-setup.ts', include: ['src/**/*.test.{ts,tsx}'] },
});
