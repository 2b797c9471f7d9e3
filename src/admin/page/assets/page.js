// What a page can do without: copying, times in the reader's own zone, news without a reload, one press for one act.
const tell = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const day = { day: "numeric", month: "short", year: "numeric" };
    const minute = { ...day, hour: "2-digit", minute: "2-digit" };
    time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    time.textContent = at.toLocaleString(undefined, "minute" in time.dataset ? minute : day);
  }
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = button.dataset.done || "✓";
    });
  }
};
tell(document);

// A second press of the same button, before the answer is there, is not a second act.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
// Back from the page after it, with the form as it was.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// A choice that only shows something else is made without another press.
for (const field of document.querySelectorAll("form[method=get] [data-go]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

// Parts of the page that change by themselves: asked for again while somebody looks, and left alone while they work in it.
const parts = [...document.querySelectorAll("[data-live]")];
const renew = async () => {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const news = fresh.getElementById(part.id);
    if (!news || part.contains(document.activeElement)) continue;
    tell(news);
    if (part.innerHTML !== news.innerHTML) part.replaceWith(news);
  }
};
if (parts.length) setInterval(() => renew().catch(() => {}), 10_000);

// Where the list of pages is a strip, the one that is open is in sight.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
