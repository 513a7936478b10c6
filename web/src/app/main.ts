import "./style.css";
import "./prose.css";
import ui from "@nuxt/ui/vue-plugin";
import { _api } from "@iconify/vue";
import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { makeRouter } from "./router";
import { followTheme } from "./theme";

// Icons are in the build; one that is missing shall stay empty rather than be asked for elsewhere.
_api.setAPIModule("", { prepare: () => [], send: () => undefined });

followTheme();
const app = createApp(App);
app.use(createPinia());
app.use(makeRouter());
app.use(ui);
app.mount("#app");
