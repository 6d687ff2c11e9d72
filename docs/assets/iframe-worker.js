// Browsers run no worker for a page that was opened from a file. So the script of the search runs in a hidden frame of the page,
// and the two pass copies of their messages, as with a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "Search";
      document.body.append(frame);
      this.scope = frame.contentWindow;
      this.scope.postMessage = (data) => this.hand(new MessageEvent("message", { data: structuredClone(data) }));
      this.loaded = new Promise((resolve, reject) => {
        const script = this.scope.document.createElement("script");
        script.src = new URL(url, location.href).href;
        script.onload = resolve;
        script.onerror = reject;
        this.scope.document.body.append(script);
      });
      this.loaded.catch(() => this.hand(new Event("error")));
    }
    hand(event) {
      this.dispatchEvent(event);
      this["on" + event.type]?.(event);
    }
    postMessage(message) {
      const data = structuredClone(message);
      this.loaded.then(() => this.scope.onmessage(new MessageEvent("message", { data })));
    }
    terminate() {
      this.scope.frameElement.remove();
    }
  };
}
