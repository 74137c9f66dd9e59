package railsim

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestSomebody: accounts of several names have nobody in common, and two trips
// at one time are nobody's clash.
func TestSomebody(t *testing.T) {
	number := regexp.MustCompile(`^[1-6]\d{5}(19[6-8])\d{5}001[14]$`)
	seen := map[string]string{}
	for i := range 500 {
		user := fmt.Sprintf("user%d", i)
		a := Somebody(user, "x")
		if a.Passengers[0].IDNo != a.IDNo || !strings.HasSuffix(a.IDNo, "0014") || a.Passengers[0].Name == a.Passengers[1].Name {
			t.Errorf("%s: %+v", user, a)
		}
		for _, p := range a.Passengers {
			if !number.MatchString(p.IDNo) || len(p.Mobile) != 11 {
				t.Errorf("%s: %+v", user, p)
			}
			for _, v := range []string{p.IDNo, p.Mobile} {
				if seen[v] != "" {
					t.Errorf("%s and %s share %s", user, seen[v], v)
				}
				seen[v] = user
			}
		}
	}
	if a := Somebody("zhangsan", "x"); a.Password != "x" || a.IDNo != DefaultAccount().IDNo {
		t.Errorf("zhangsan is %+v", a)
	}

	inBubble(t, Options{Calm: true, Accounts: []Account{DefaultAccount(), Somebody("lisi", "secret12306")}}, func(b *browser) {
		b.sell()
		for _, user := range []string{"zhangsan", "lisi"} {
			who := newBrowser(t, b.site)
			who.openLogin()
			who.form("/passport/captcha/captcha-check", "answer="+b.site.AnswerOf(who.picture())+"&login_site=E&rand=sjrand")
			who.form("/passport/web/login", "username="+user+"&password=secret12306&appid=otn")
			who.do("GET", "/otn/login/userLogin", "", false)
			who.visit("/otn/passport?redirect=/otn/login/userLogin")
			tk := who.form("/passport/web/auth/uamtk", "appid=otn").json(t, "newapptk").(string)
			who.form("/otn/uamauthclient", "tk="+tk)
			who.prepare()
			who.confirm()
			who.wait()
			b.want(b.site.Orders(user)[0].State, Unpaid)
		}
		b.clean()
	})
}
