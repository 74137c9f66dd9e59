package railsim

import (
	"fmt"
	"net/http"
	"path"
	"time"
)

// asset answers what clients fetch beside the protocol: the script that takes a
// browser's fingerprint and its answer (2018 to 2021, PROTOCOL.md 1.1), the page
// of the account, and the account's data. A watcher needs none of it.
func (s *Server) asset(x *exchange) {
	x.note("%s is not part of an order", x.r.URL.Path)
	const script = "application/javascript;charset=UTF-8"
	switch path.Base(x.r.URL.Path) {
	case "GetJS":
		x.reply(http.StatusOK, script, nil)
	case "logdevice":
		x.reply(http.StatusOK, script, fmt.Appendf(nil, `callbackFunction('{"exp":"%d","cookieCode":"%s","dfp":"%s"}')`,
			x.now.Add(10*24*time.Hour).UnixMilli(), s.text(alnum, 32), s.text(alnum, 96)))
	case "initMy12306":
		if !x.loggedIn() {
			x.toLogin()
			return
		}
		s.index(x)
	default:
		if !x.loggedIn() {
			x.toLogin()
			return
		}
		// The fields that clients read (py12306 and others, 2019 to 2023);
		// no recording has the rest.
		a := x.user()
		id := a.IDNo
		if s.opts.Era == Present {
			id = maskID(id)
		}
		x.otn(map[string]any{"userDTO": map[string]any{"email": "", "loginUserDTO": map[string]string{
			"user_name": a.Username, "name": a.Name, "id_type_code": "1", "id_type_name": idTypeName("1"), "id_no": id}}})
	}
}
