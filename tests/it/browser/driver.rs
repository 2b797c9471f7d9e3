//! One browser window of a story, and what a person does in it.
//! Owns the driver's process and the browser's folder; both end with it.
//! Never lets a page pass on which axe finds something, or whose policy the browser complains of.

use crate::support::{Bellhop, soon::PATIENCE};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader},
    mem::ManuallyDrop,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};
use thirtyfour::{RequestData, SessionId, WindowHandle, common::command::FormatRequestData, prelude::*};

/// Without what a browser asks the world for by itself.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--force-device-scale-factor=1",
    "--force-prefers-reduced-motion",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// Of these there are pictures in the dark and on a narrow screen, too.
const KEPT_IN_EACH: [&str; 4] = ["home-member", "connect", "usage", "credentials"];

pub struct Window {
    /// Never dropped: it would wait for minutes for an answer of a driver that is gone.
    driver: ManuallyDrop<WebDriver>,
    process: Child,
    _folder: tempfile::TempDir,
    base: String,
    axe: String,
    clicks: AtomicUsize,
}

impl Window {
    /// `None` where there is no browser to test with.
    pub async fn at(bellhop: &Bellhop) -> Option<Self> {
        let Ok(program) = std::env::var("BELLHOP_TEST_BROWSER") else {
            eprintln!("skipped: BELLHOP_TEST_BROWSER names no driver of a browser");
            return None;
        };
        let axe =
            fs::read_to_string(std::env::var("BELLHOP_TEST_AXE").expect("BELLHOP_TEST_AXE")).expect("axe's script");
        let mut process = Command::new(program)
            .process_group(0)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.trim_end_matches('.').rsplit_once("started successfully on port ").map(|(_, port)| port.to_owned())
            })
            .expect("the driver's port");
        let folder = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", folder.path().display())).unwrap();
        wanted.set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        driver.set_window_rect(0, 0, 1200, 900).await.unwrap();
        let base = format!("http://{}", bellhop.addresses.admin);
        Some(Self {
            driver: ManuallyDrop::new(driver),
            process,
            _folder: folder,
            base,
            axe,
            clicks: AtomicUsize::new(0),
        })
    }

    pub async fn open(&self, target: &str) {
        let url = if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", self.base) };
        self.driver.goto(url).await.unwrap();
    }

    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.driver.find(By::Name(name)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// How often something was pressed or followed.
    pub fn clicks(&self) -> usize {
        self.clicks.load(Relaxed)
    }

    pub async fn press(&self, name: &str) {
        self.clicks.fetch_add(1, Relaxed);
        let button = format!("//button[normalize-space()='{name}']");
        self.driver.find(By::XPath(button)).await.unwrap().click().await.unwrap();
    }

    /// Faster than any answer.
    pub async fn press_twice(&self, name: &str) {
        let button = self.driver.find(By::XPath(format!("//button[normalize-space()='{name}']"))).await.unwrap();
        let script = "arguments[0].click(); arguments[0].click()";
        self.driver.execute(script, vec![button.to_json().unwrap()]).await.unwrap();
    }

    pub async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Another tab of the same browser, which is looked at from now on; what was looked at before.
    pub async fn another_tab(&self) -> WindowHandle {
        let before = self.driver.window().await.unwrap();
        let tab = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(tab).await.unwrap();
        before
    }

    pub async fn to_tab(&self, tab: WindowHandle) {
        self.driver.switch_to_window(tab).await.unwrap();
    }

    pub async fn source(&self) -> String {
        self.driver.source().await.unwrap()
    }

    pub async fn follow(&self, name: &str) {
        self.clicks.fetch_add(1, Relaxed);
        let links = self.driver.find_all(By::XPath(format!("//a[normalize-space()='{name}']"))).await.unwrap();
        for link in links {
            if link.is_displayed().await.unwrap() {
                return link.click().await.unwrap();
            }
        }
        panic!("no link `{name}` is to be seen");
    }

    /// Opens a `details` by its id.
    pub async fn unfold(&self, id: &str) {
        self.clicks.fetch_add(1, Relaxed);
        let summary = By::Css(format!("details[id='{id}'] > summary"));
        self.driver.find(summary).await.unwrap().click().await.unwrap();
    }

    pub async fn text_of(&self, selector: &str) -> String {
        self.driver.find(By::Css(selector)).await.unwrap().text().await.unwrap()
    }

    /// For a picture: what it shows is published.
    pub async fn hide(&self, selector: &str, text: &str) {
        let script = "document.querySelector(arguments[0]).textContent = arguments[1]";
        self.driver.execute(script, vec![json!(selector), json!(text)]).await.unwrap();
    }

    pub async fn until_reads(&self, text: &str) {
        let began = Instant::now();
        loop {
            let body = match self.driver.find(By::Tag("body")).await {
                Ok(body) => body.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if body.contains(text) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "no `{text}` on the page: {body}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Looks at this page as everybody would: light and dark, wide and narrow. Axe finds nothing. Where
    /// `BELLHOP_TEST_SCREENS` names a folder the light, wide one is kept there as a picture, and of some pages each.
    pub async fn look(&self, name: &str) {
        for (scheme, width, suffix) in [("dark", 1200, "-dark"), ("light", 400, "-narrow"), ("light", 1200, "")] {
            let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            self.of_chromium("Emulation.setEmulatedMedia", &media).await;
            let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            self.of_chromium("Emulation.setDeviceMetricsOverride", &size).await;
            self.assert_open_to_all(&format!("{name}, {scheme}, {width} wide")).await;
            if suffix.is_empty() || KEPT_IN_EACH.contains(&name) {
                self.keep(&format!("{name}{suffix}")).await;
            }
        }
    }

    async fn keep(&self, name: &str) {
        let Some(folder) = std::env::var_os("BELLHOP_TEST_SCREENS") else { return };
        let format = json!({ "format": "webp", "quality": 80 });
        let picture = self.of_chromium("Page.captureScreenshot", &format).await;
        let picture = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.webp")), picture).unwrap();
    }

    async fn of_chromium(&self, what: &str, how: &Value) -> Value {
        let body = json!({ "cmd": what, "params": how });
        let told = self.driver.handle().cmd(OfChromium { path: "goog/cdp/execute", body }).await.unwrap();
        told.value().unwrap()
    }

    async fn assert_open_to_all(&self, what: &str) {
        self.driver.execute(&self.axe, Vec::new()).await.unwrap();
        let script = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] })
            .then(found => done(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ; '))))
            .catch(error => done(['axe: ' + error]))";
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap();
        let found: Vec<Value> = found.convert().unwrap();
        assert!(found.is_empty(), "{what}: {found:#?}");
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let overflow: i64 = self.driver.execute(overflow, Vec::new()).await.unwrap().convert().unwrap();
        assert_eq!(overflow, 0, "{what}: wider than the window");
    }

    pub async fn close(self) {
        let log =
            self.driver.handle().cmd(OfChromium { path: "se/log", body: json!({ "type": "browser" }) }).await.unwrap();
        let complaints: Vec<Value> = log.value().unwrap();
        let complaints: Vec<&Value> = complaints
            .iter()
            .filter(|line| line["message"].as_str().is_some_and(|text| text.contains("Content Security Policy")))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        WebDriver::clone(&self.driver).quit().await.unwrap();
    }
}

/// A command of Chromium's driver that no standard has.
#[derive(Debug)]
struct OfChromium {
    path: &'static str,
    body: Value,
}

impl FormatRequestData for OfChromium {
    fn format_request(&self, session: &SessionId) -> RequestData {
        RequestData::new(http::Method::POST, format!("/session/{session}/{}", self.path)).add_body(self.body.clone())
    }
}

impl Drop for Window {
    /// With every process of the browser's.
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.process.id().cast_signed()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.process.wait();
    }
}
