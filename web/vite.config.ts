import { fileURLToPath } from "node:url";
import ui from "@nuxt/ui/vite";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";
import { appBase, quietColours } from "./build/plugins.ts";

const apiTarget = process.env.AUTOBOT_DEV_API ?? "http://127.0.0.1:8001";

export default defineConfig({
  // Relative, so that one build works under any sub-path; index.html carries the mount path.
  base: "./",
  plugins: [
    appBase(),
    quietColours(),
    vue(),
    ui({
      autoImport: false,
      components: false,
      colorMode: false,
      // The icons that the sources name are copied into the build: no page asks another host for one.
      icon: { clientBundle: { scan: { globInclude: ["src/**/*.{vue,ts}"] } } },
      experimental: { componentDetection: true },
      ui: {
        colors: {
          primary: "accent",
          secondary: "accent",
          success: "positive",
          info: "accent",
          warning: "caution",
          error: "critical",
          neutral: "neutral",
        },
        button: {
          slots: { base: "cursor-pointer" },
          defaultVariants: { size: "sm" },
          compoundVariants: [{ color: "neutral", variant: "ghost", class: "text-toned" }],
        },
        input: { slots: { root: "w-full" } },
        textarea: { slots: { root: "w-full" } },
        select: { slots: { base: "w-full" } },
        formField: { slots: { label: "text-13 font-medium", help: "text-xs", error: "text-xs", container: "mt-1" } },
        tooltip: { slots: { content: "text-xs" } },
      },
    }),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: {
    port: 5173,
    proxy: {
      "/api": { target: apiTarget },
      "/ws": { target: apiTarget, ws: true },
      "/problems": { target: apiTarget },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    globalSetup: ["build/node.ts"],
    setupFiles: ["src/shared/ui/offlineIcons.ts"],
  },
});
