import "./style.css";
import "./prose.css";
import "@/shared/ui/offlineIcons";
import ui from "@nuxt/ui/vue-plugin";
import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { fetchAhead, makeRouter } from "./router";
import { followTheme } from "./theme";

followTheme();
const app = createApp(App);
app.use(createPinia());
const router = makeRouter();
app.use(router);
app.use(ui);
app.mount("#app");

const whenIdle = typeof requestIdleCallback === "function" ? requestIdleCallback : (later: () => void) => setTimeout(later, 1_000);
void router.isReady().then(() => whenIdle(() => fetchAhead(router)));
