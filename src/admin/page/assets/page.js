// What a page can do without: a button that copies, and times in the reader's own zone.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) {
    time.title = at.toLocaleString();
    time.textContent = at.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
  }
}
