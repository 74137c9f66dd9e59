// Package twelve306 speaks the protocol of 12306.cn, China's railway ticket
// site, as a browser does: querying trains, logging in, and placing one order.
//
// It knows no watch rules, no files and no way to reach a person. What only a
// person can answer (a picture, an SMS code, a QR scan) goes through [Solver];
// what happens next after an error is said by [Error.Kind].
//
// There is no specification. The facts come from the project's base document
// (called "the seed" in comments, steps 1 to 18, recorded in 2018) and from
// recordings of 2014 to 2026, collected in PROTOCOL.md beside this file with
// the date of each. Two of them shape everything here:
//
//   - HTML, an empty body or a redirect where JSON was asked for is a failure
//     and never "no tickets"; the redirect to error.html is never followed.
//   - One request spends something, confirmSingleForQueue (confirmSingle where
//     the page wants no queue). [Draft.Confirm] sends it once; when its effect
//     is unknown only [Client.Unfinished] can tell, so nothing in this package
//     ever sends it again.
//
// Every request takes its place in one [Pace].
package twelve306
