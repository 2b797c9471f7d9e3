//! How far long work has come, drawn on standard error for whoever sits there.
//! Owns the look of it; what is drawn is gone with the work, whether that was done or failed.
//! Never drawn into a pipe or a file, beside JSON, or for what is over in half a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, WeakProgressBar};
use std::{
    future::Future,
    io::{self, IsTerminal, Read},
    pin::pin,
    time::Duration,
};
use tokio::time::{Instant, interval_at};

/// So long nobody asks how far it is.
const PATIENCE: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(100);

/// Where a console draws, and what it has drawn last: that steps aside for whatever is written.
pub struct Screen {
    place: Place,
    drawn: WeakProgressBar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// Results go elsewhere.
    Alone,
    /// On the terminal on which results are written.
    AmongResults,
}

/// How much there is to do.
#[derive(Clone, Copy)]
pub enum Length {
    Known(u64),
    /// What is done is counted, and how much comes nobody knows.
    Counted,
    Unknown,
}

/// Work under way.
pub struct Progress {
    bar: ProgressBar,
    /// When it may be drawn; `None`: never.
    due: Option<Instant>,
}

impl Screen {
    /// Where nobody looks.
    pub fn none() -> Self {
        Self { place: Place::Nowhere, drawn: WeakProgressBar::new() }
    }

    /// Standard error, where it is a terminal that can take back what it shows.
    pub fn of_process() -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|kind| kind == "dumb");
        let place = match (io::stderr().is_terminal() && !is_dumb, io::stdout().is_terminal()) {
            (false, _) => Place::Nowhere,
            (true, false) => Place::Alone,
            (true, true) => Place::AmongResults,
        };
        Self { place, ..Self::none() }
    }

    pub fn begin(&mut self, what: &'static str, length: Length) -> Progress {
        let progress = Progress::new(what, length, (self.place != Place::Nowhere).then(|| Instant::now() + PATIENCE));
        self.drawn = progress.bar.downgrade();
        progress
    }

    /// For work whose results are told as they come: where they go by, they say themselves how far it is.
    pub fn begin_beside_results(&mut self, what: &'static str, length: Length) -> Progress {
        match self.place {
            Place::AmongResults => Progress::none(),
            Place::Nowhere | Place::Alone => self.begin(what, length),
        }
    }

    /// Writes where the drawing is, which comes back below it.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.drawn.upgrade() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Progress {
    /// Of what is not told.
    pub fn none() -> Self {
        Self::new("", Length::Unknown, None)
    }

    fn new(what: &'static str, length: Length, due: Option<Instant>) -> Self {
        let total = match length {
            Length::Known(total) => Some(total),
            Length::Counted | Length::Unknown => None,
        };
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden()).with_style(style(length));
        Self { bar: bar.with_message(what).with_finish(ProgressFinish::AndClear), due }
    }

    /// So much more is done.
    pub fn add(&self, more: u64) {
        self.bar.inc(more);
        self.draw();
    }

    fn draw(&self) {
        if self.due.is_some_and(|due| Instant::now() >= due) && self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.tick();
    }

    /// Does it, and shows meanwhile that it is being done.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let (mut work, mut ticks) = (pin!(work), interval_at(Instant::now() + PATIENCE, EVERY));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => self.draw(),
            }
        }
    }

    /// Counts what is read, in bytes.
    pub fn reading<'p, R: Read + 'p>(&'p self, from: R) -> impl Read + 'p {
        Reading { progress: self, from }
    }
}

struct Reading<'p, R> {
    progress: &'p Progress,
    from: R,
}

impl<R: Read> Read for Reading<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}

/// Without colours, as whoever wants none would have it.
fn style(length: Length) -> ProgressStyle {
    let form = match length {
        Length::Known(_) => "{msg}  {bar:30}  {percent:>3} %, {eta} to go",
        Length::Counted => "{spinner} {msg}  {human_pos}, {elapsed}",
        Length::Unknown => "{spinner} {msg}  {elapsed}",
    };
    // A form that is none is found by the tests.
    ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::sync::{Arc, Mutex};

    /// What would be on a terminal, with everything that was ever on it.
    #[derive(Clone, Debug, Default)]
    struct Paper(Arc<Mutex<String>>);

    impl Paper {
        fn write(&self, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().clone()
        }
    }

    impl TermLike for Paper {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"));
            Ok(())
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.write("(cleared)");
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn drawn(length: Length) -> (Progress, Paper) {
        let (progress, paper) = (Progress::new("sealing", length, None), Paper::default());
        progress.bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(paper.clone())));
        (progress, paper)
    }

    #[test]
    fn what_is_known_is_told_in_hundredths_and_what_is_counted_as_a_number() {
        for (length, told) in [
            (Length::Known(3_000), "sealing  ==========>                      33 %, "),
            (Length::Counted, "sealing  1,000, 0s"),
            (Length::Unknown, "sealing  0s"),
        ] {
            let (progress, paper) = drawn(length);
            progress.add(400);
            progress.add(600);
            progress.bar.force_draw();
            assert!(paper.text().contains(told), "{}", paper.text());
        }
    }

    #[test]
    fn what_is_read_is_counted_to_the_byte_and_comes_out_as_it_was() {
        let (text, progress) = ("x".repeat(20_000), Progress::new("", Length::Known(20_000), None));
        let read = io::read_to_string(io::BufReader::new(progress.reading(text.as_bytes()))).unwrap();
        assert_eq!((read, progress.bar.position()), (text, 20_000));
    }

    #[test]
    fn it_goes_with_the_work_and_steps_aside_for_what_is_written() {
        let mut screen = Screen { place: Place::Alone, ..Screen::none() };
        let progress = screen.begin("sealing", Length::Counted);
        let paper = Paper::default();
        progress.bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(paper.clone())));
        progress.bar.force_draw();
        screen.aside(|| paper.write("written\n"));
        assert!(paper.text().contains("(cleared)written\n"), "{}", paper.text());
        drop(progress);
        assert!(paper.text().ends_with("(cleared)"), "{}", paper.text());
        screen.aside(|| paper.write("after"));
        assert!(paper.text().ends_with("(cleared)after"), "{}", paper.text());
    }

    #[test]
    fn nothing_is_drawn_before_half_a_second_or_where_nobody_looks() {
        let at = |place| Screen { place, ..Screen::none() };
        let before = Instant::now();
        for mut screen in [at(Place::Alone), at(Place::AmongResults)] {
            let progress = screen.begin("sealing", Length::Counted);
            assert!(progress.due.is_some_and(|due| due >= before + Duration::from_millis(500)));
        }
        assert!(at(Place::Alone).begin_beside_results("telling", Length::Counted).due.is_some());
        assert!(at(Place::AmongResults).begin_beside_results("telling", Length::Counted).due.is_none());
        assert!(at(Place::Nowhere).begin("sealing", Length::Counted).due.is_none());
    }
}
