import { mount, type VueWrapper } from "@vue/test-utils";
import { describe, expect, it } from "vitest";
import Composer from "./Composer.vue";

const composer = (props: { modelValue?: string; answering?: boolean; disabled?: boolean } = {}): VueWrapper => {
  const wrapper: VueWrapper = mount(Composer, {
    attachTo: document.body,
    props: { modelValue: "", answering: false, stopping: false, ...props, "onUpdate:modelValue": (modelValue: string) => wrapper.setProps({ modelValue }) },
  });
  return wrapper;
};
const textOf = (wrapper: VueWrapper): unknown => (wrapper.props() as { modelValue: unknown }).modelValue;
const key = (wrapper: VueWrapper, name: string, more: object = {}): Promise<void> => wrapper.get("textarea").trigger("keydown", { key: name, ...more });

describe("the composer", () => {
  it("sends with Enter, without the spaces around, and is empty then", async () => {
    const wrapper = composer({ modelValue: "  hello " });
    await key(wrapper, "Enter");
    expect(wrapper.emitted("send")).toEqual([["hello"]]);
    expect(textOf(wrapper)).toBe("");
    wrapper.unmount();
  });
  it("writes a new line with Shift+Enter, and never sends half a composed word", async () => {
    const wrapper = composer({ modelValue: "a" });
    await key(wrapper, "Enter", { shiftKey: true });
    await key(wrapper, "Enter", { isComposing: true });
    expect(wrapper.emitted("send")).toBeUndefined();
    wrapper.unmount();
  });
  it("sends nothing that is empty, and nothing where chatting is not allowed", async () => {
    const empty = composer({ modelValue: "   " });
    await key(empty, "Enter");
    const viewer = composer({ modelValue: "x", disabled: true });
    await key(viewer, "Enter");
    expect([empty.emitted("send"), viewer.emitted("send")]).toEqual([undefined, undefined]);
    empty.unmount();
    viewer.unmount();
  });
  it("has stop in the place of send while an answer is written, and still queues what is typed", async () => {
    const wrapper = composer({ modelValue: "next", answering: true });
    expect(wrapper.find("[aria-label='Send message']").exists()).toBe(false);
    await wrapper.get("[aria-label='Stop the answer']").trigger("click");
    expect(wrapper.emitted("stop")).toHaveLength(1);
    await key(wrapper, "Enter");
    expect(wrapper.emitted("send")).toEqual([["next"]]);
    wrapper.unmount();
  });
  it("offers commands after a slash: arrows choose, Tab takes, a whole one is sent", async () => {
    const wrapper = composer({ modelValue: "/" });
    const chosen = (): string => wrapper.get("[role=option][aria-selected=true] code").text();
    expect(chosen()).toBe("/help");
    await key(wrapper, "ArrowDown");
    expect(chosen()).toBe("/status");
    await key(wrapper, "Tab");
    expect(textOf(wrapper)).toBe("/status ");
    await wrapper.setProps({ modelValue: "/help" });
    await key(wrapper, "Enter");
    expect(wrapper.emitted("send")).toEqual([["/help"]]);
    wrapper.unmount();
  });
  it("closes the list of commands with Escape without stopping anything", async () => {
    const wrapper = composer({ modelValue: "/", answering: true });
    await key(wrapper, "Escape");
    expect(wrapper.find("[role=listbox]").exists()).toBe(false);
    expect(wrapper.emitted("stop")).toBeUndefined();
    wrapper.unmount();
  });
});
