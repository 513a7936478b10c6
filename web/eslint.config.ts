import vue from "eslint-plugin-vue";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist/", "node_modules/", "public/", "src/contracts/openapi.d.ts", ".dependency-cruiser.cjs"] },
  tseslint.configs.strict,
  vue.configs["flat/recommended"],
  {
    files: ["**/*.vue"],
    languageOptions: { parserOptions: { parser: tseslint.parser, extraFileExtensions: [".vue"] } },
  },
  {
    files: ["src/**/*.{ts,vue}"],
    rules: {
      "max-lines": ["error", { max: 400 }],
      "max-lines-per-function": ["error", { max: 60, skipComments: true, skipBlankLines: true }],
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "call the server through shared/http" },
        { name: "WebSocket", message: "use shared/realtime" },
        { name: "EventSource", message: "use shared/realtime" },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "take chance as an argument; the shells hand it in" },
      ],
      "vue/no-bare-strings-in-template": ["error", { allowlist: ["…", "→", "·", "#", ":", ",", "/", "–"] }],
      "vue/no-v-html": "error",
      "vue/component-api-style": ["error", ["script-setup"]],
      "vue/define-emits-declaration": ["error", "type-based"],
      "vue/multi-word-component-names": "off",
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/attributes-order": "off",
      "vue/require-default-prop": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
  { rules: { "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }] } },
  { files: ["src/shared/catalogue/*.ts"], rules: { "max-lines": "off" } },
  { files: ["src/**/*.test.ts"], rules: { "max-lines-per-function": "off" } },
);
