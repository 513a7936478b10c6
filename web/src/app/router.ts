import { createRouter, createWebHistory, type RouteLocationNormalized, type Router } from "vue-router";
import { mountPath } from "@/shared/http";
import { useSession } from "@/shared/session";

declare module "vue-router" {
  interface RouteMeta {
    /** Can be seen without signing in. */
    public?: boolean;
    /** The page of the rail that it belongs to, where that is another. */
    page?: string;
  }
}

/** Every object has an address: a chat, a link, an event, a setting. */
export function makeRouter(): Router {
  const router = createRouter({
    history: createWebHistory(mountPath()),
    routes: [
      { path: "/", redirect: { name: "chat" } },
      { path: "/sign-in", name: "sign-in", meta: { public: true }, component: () => import("@/features/signin/View.vue") },
      { path: "/chat/:sessionId?", name: "chat", component: () => import("@/features/chat/View.vue") },
      { path: "/knowledge", name: "knowledge", component: () => import("@/features/knowledge/View.vue") },
      { path: "/knowledge/search", name: "knowledge-search", meta: { page: "knowledge" }, component: () => import("@/features/knowledge/Search.vue") },
      { path: "/knowledge/measurements", name: "knowledge-measurements", meta: { page: "knowledge" }, component: () => import("@/features/knowledge/Measurements.vue") },
      { path: "/knowledge/documents/:id", name: "document", meta: { page: "knowledge" }, component: () => import("@/features/knowledge/Document.vue") },
      { path: "/communication/:linkId?", name: "communication", component: () => import("@/features/communication/View.vue") },
      { path: "/events/:position(\\d+)?", name: "events", component: () => import("@/features/events/View.vue") },
      { path: "/messaging/:tab(dead-letters|consumers)?/:id?", name: "messaging", component: () => import("@/features/messaging/View.vue") },
      { path: "/sagas/:sagaId?", name: "sagas", component: () => import("@/features/sagas/View.vue") },
      { path: "/roles", name: "roles", component: () => import("@/features/roles/View.vue") },
      { path: "/timeline", name: "timeline", meta: { page: "events" }, component: () => import("@/features/history/View.vue") },
      { path: "/schemas", name: "schemas", meta: { page: "events" }, component: () => import("@/features/schemas/View.vue") },
      { path: "/read-models", name: "read-models", meta: { page: "events" }, component: () => import("@/features/readmodels/View.vue") },
      { path: "/models", name: "models", component: () => import("@/features/models/View.vue") },
      { path: "/settings/:key?", name: "settings", component: () => import("@/features/settings/View.vue") },
      { path: "/users/:tab(people|keys|account)?", name: "users", component: () => import("@/features/users/View.vue") },
      { path: "/:rest(.*)*", name: "not-found", component: () => import("./NotFound.vue") },
    ],
  });
  router.beforeEach(admit);
  return router;
}

/** Fetches the pages that were not opened yet, so that going there takes no time and no server. */
export function fetchAhead(router: Router): void {
  for (const { components } of router.getRoutes()) {
    const page: unknown = components?.["default"];
    if (typeof page === "function") void Promise.resolve((page as () => unknown)()).catch(() => undefined);
  }
}

async function admit(to: RouteLocationNormalized): Promise<boolean | object> {
  const session = useSession();
  if (to.meta.public) return true;
  if (!session.known) await session.load();
  if (session.me !== null) return true;
  return { name: "sign-in", query: to.fullPath === "/chat" ? {} : { next: to.fullPath } };
}
