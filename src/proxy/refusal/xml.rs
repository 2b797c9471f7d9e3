//! Refusals in the XML in which AWS's older services tell what is wrong, and in which their SDKs look for it.
//! Owns nothing.
//! Never lets a text end its element.

use super::Code;
use http::StatusCode;

/// `<Error>`, as S3 has it.
pub fn s3(code: Code, text: &str) -> String {
    format!("{HEAD}<Error>{}</Error>", error(code, text))
}

/// `<ErrorResponse>`, as services of the query protocol have it.
pub fn aws_query(code: Code, status: StatusCode, text: &str) -> String {
    let whose = if status.is_server_error() { "Receiver" } else { "Sender" };
    format!("{HEAD}<ErrorResponse><Error><Type>{whose}</Type>{}</Error></ErrorResponse>", error(code, text))
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn error(code: Code, text: &str) -> String {
    format!("<Code>{}</Code><Message>{}</Message>", code.as_str(), escaped(text))
}

/// XML 1.0 has no place for control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_and_a_text_stand_where_sdks_look_for_them() {
        let told = s3(Code::NotAllowed, "not <here> & now");
        assert!(told.ends_with("<Error><Code>not-allowed</Code><Message>not &lt;here&gt; &amp; now</Message></Error>"));
        let told = aws_query(Code::Draining, StatusCode::SERVICE_UNAVAILABLE, "later");
        assert!(
            told.contains("<ErrorResponse><Error><Type>Receiver</Type><Code>draining</Code><Message>later</Message>")
        );
    }

    proptest! {
        #[test]
        fn a_text_never_ends_its_element(text in ".{0,60}") {
            let told = s3(Code::BadRequest, &text);
            prop_assert_eq!(told.matches('<').count(), "<?<Error><Code></Code><Message></Message></Error>".matches('<').count());
            prop_assert!(!told.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
