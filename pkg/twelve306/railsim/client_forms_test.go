package railsim

import "time"

// scripted is a client that worked at 12306, as what it puts on the wire: a list
// of requests with places for what it learned from the replies.
type scripted struct {
	era    Era
	strict bool // a browser's recording: it leaves no note either
	// header is sent with every request, one "Name: value" a line.
	header string
	// ticket and old are one passenger in passengerTicketStr (joined by _) and
	// in oldPassengerStr (one after the other).
	ticket, old string
	people      int
	gap         time.Duration // between two polls
	calls       []call
}

// call is one request. In what it sends,
//
//	{x}   is what was learned as x, as it stands,
//	{=x}  the same as a form has it,
//	{-x}  the same decoded once before: secretStr for clients that unquote it.
type call struct {
	send    string // "POST /path?query"
	body    string
	referer string // a path on kyfw.12306.cn; "<" is the address of the last request; "" none
	header  string // more lines, over those of the client
	want    string // in the reply or its Location
}

// The forms that most clients share.
const (
	formType = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8"
	pageForm = "Content-Type: application/x-www-form-urlencoded"
	browsers = "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
	xhrLine  = "X-Requested-With: XMLHttpRequest"
	fresh    = "If-Modified-Since: 0\nCache-Control: no-cache"

	loginHTML  = "/otn/resources/login.html"
	passportTo = "/otn/passport?redirect=/otn/login/userLogin"
	queryHTM   = "/otn/leftTicket/init"
	orderHTM   = "/otn/confirmPassenger/initDc"
	orderPath  = "/otn/confirmPassenger/"

	theDay   = "leftTicketDTO.train_date=" + day + "&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT"
	zeros    = "bed_level_order_num=000000000000000000000000000000"
	strings2 = "passengerTicketStr={=ticket}&oldPassengerStr={=old}"
	tokenEnd = "&_json_att=&REPEAT_SUBMIT_TOKEN={token}"
	jsDay    = "train_date=Wed+Jan+05+2000+00%3A00%3A00+GMT%2B0800+(%E4%B8%AD%E5%9B%BD%E6%A0%87%E5%87%86%E6%97%B6%E9%97%B4)"
	counted  = "&train_no={no}&stationTrainCode=G1110&seatType=O&fromStationTelecode=IZQ&toStationTelecode=WHN&leftTicket={=left}"
)

// clients are the recordings and the families of PROTOCOL.md, section 0. Their
// names are its tags. What a family does after the number is left out, as is
// what does not concern an order.
var clients = map[string]scripted{
	// The browser of 2019-05-18.
	"R19": {era: Classic, strict: true, header: browsers + "\nOrigin: https://kyfw.12306.cn", gap: 3 * time.Second,
		ticket: "O,0,1,{name},1,{id},{mobile},N", old: "{name},1,{id},1_", people: 1, calls: []call{
			{send: "GET " + loginHTML, want: "loginForm"},
			{"POST /otn/login/conf", "", loginHTML, xhrLine, `"is_login":"N"`},
			{"GET /otn/index12306/getLoginBanner", "", loginHTML, xhrLine, "index_banner_url"},
			{"POST /passport/web/auth/uamtk-static", "appid=otn", loginHTML, formType + "\n" + xhrLine, "用户未登录"},
			{"GET /passport/captcha/captcha-image64?login_site=E&module=login&rand=sjrand&{ms}&callback=jQuery191027188156577876876_1558182495381&_=1558182495382", "", loginHTML, "", "生成验证码成功"},
			{"GET /passport/captcha/captcha-check?callback=jQuery191027188156577876876_1558182495381&answer={=answer}&rand=sjrand&login_site=E&_=1558182495383", "", loginHTML, "", `"4"`},
			{"POST /passport/web/login", "username=zhangsan&password=secret12306&appid=otn&answer={=answer}", loginHTML, formType, "登录成功"},
			{"GET /otn/login/userLogin", "", loginHTML, "", passportTo},
			{"GET " + passportTo, "", loginHTML, "", "uampassport"},
			{"POST /passport/web/auth/uamtk", "appid=otn", passportTo, formType + "\n" + xhrLine, "newapptk"},
			{"POST /otn/uamauthclient", "tk={tk}", passportTo, formType + "\n" + xhrLine, "张三"},
			{"GET /otn/login/userLogin", "", passportTo, "", "/otn/view/index.html"},
			{"GET /otn/view/index.html", "", passportTo, "", "12306"},
			{"POST /otn/index/initMy12306Api", "", "/otn/view/index.html", xhrLine, "张三"},
			{"GET /otn/leftTicket/init?linktypeid=dc", "", "/otn/view/index.html", "", "CLeftTicketUrl"},
			{"GET /otn/{url}?" + theDay, "", queryHTM + "?linktypeid=dc", xhrLine + "\n" + fresh, "G1110"},
			{"GET /otn/passcodeNew/getPassCodeNew?module=passenger&rand=randp&0.2515081346887966", "", queryHTM + "?linktypeid=dc", "", ""},
			{"POST /otn/login/checkUser", "_json_att=", queryHTM + "?linktypeid=dc", formType + "\n" + xhrLine + "\n" + fresh, `"flag":true`},
			{"POST /otn/leftTicket/submitOrderRequest", "secretStr={secret}&train_date=" + day + "&back_train_date=2000-01-01&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=广州&query_to_station_name=武汉&undefined", queryHTM + "?linktypeid=dc", formType + "\n" + xhrLine, `"status":true`},
			{"POST " + orderHTM, "_json_att=", queryHTM + "?linktypeid=dc", pageForm, "globalRepeatSubmitToken = '"},
			{"POST " + orderPath + "getPassengerDTOs", tokenEnd[1:], orderHTM, formType + "\n" + xhrLine, `"isExist":true`},
			{"POST " + orderPath + "checkOrderInfo", "cancel_flag=2&" + zeros + "&" + strings2 + "&tour_flag=dc&randCode=&whatsSelect=1" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
			{"POST " + orderPath + "getQueueCount", jsDay + counted + "&purpose_codes=00&train_location={location}" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"countT"`},
			{send: "SLEEP"},
			{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&randCode=&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&choose_seats=1F&seatDetailType=000&whatsSelect=1&roomType=00&dwAll=N" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
			{"POLL " + orderPath + "queryOrderWaitTime?random={ms}&tourFlag=dc" + tokenEnd, "", orderHTM, xhrLine, ""},
			{"POST " + orderPath + "resultOrderForDcQueue", "orderSequence_no={order}" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
			{"POST /otn/payOrder/init?random={ms}", tokenEnd[1:], orderHTM, pageForm, "席位已锁定"},
		}},
	// The browser of 2024-04-22: a code by SMS, two passengers.
	"R24 sms": {era: Present, strict: true, header: browsers + "\nOrigin: https://kyfw.12306.cn", gap: time.Second,
		ticket: "O,0,1,{name},1,{id},{mobile},N,{enc}", old: "{name},1,{id},1_", people: 2,
		calls: append([]call{
			{send: "GET " + loginHTML, want: "loginForm"},
			{"POST /otn/login/conf", "", loginHTML, xhrLine, `"is_login":"N"`},
			{"POST /passport/web/auth/uamtk-static", "appid=otn", loginHTML, formType + "\n" + xhrLine, "用户未登录"},
			{"POST /passport/web/checkLoginVerify", "username=zhangsan&appid=otn", loginHTML, formType + "\n" + xhrLine, `"login_check_code":"3"`},
			{"POST /passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum=0014", loginHTML, formType + "\n" + xhrLine, "获取手机验证码成功"},
			{"POST /passport/web/login", "sessionId=&sig=&if_check_slide_passcode_token=&scene=&checkMode=0&randCode={sms}&username=zhangsan&password={=sealed}&appid=otn", loginHTML, formType + "\n" + xhrLine + "\nisPasswordCopy: N\nappFlag: ", "登录成功"},
		}, browser2024...)},
	// The QR login of 2024-05-09.
	"R24 qr": {era: Present, strict: true, header: browsers + "\nOrigin: https://kyfw.12306.cn", gap: time.Second,
		ticket: "O,0,1,{name},1,{id},{mobile},N,{enc}", old: "{name},1,{id},1_", people: 1,
		calls: append([]call{
			{send: "GET " + loginHTML, want: "loginForm"},
			{"POST /otn/login/conf", "", loginHTML, xhrLine, `"is_login":"N"`},
			{"POST /passport/web/auth/uamtk-static", "appid=otn", loginHTML, formType + "\n" + xhrLine, "用户未登录"},
			{"POST /passport/web/create-qr64", "appid=otn", loginHTML, formType + "\n" + xhrLine, "生成二维码成功"},
			{"POST /passport/web/checkqr", "uuid={=uuid}&appid=otn", loginHTML, formType + "\n" + xhrLine, `"0"`},
			{send: "SCAN"},
			{"POST /passport/web/checkqr", "uuid={=uuid}&appid=otn", loginHTML, formType + "\n" + xhrLine, "扫码登录成功"},
		}, browser2024...)},
	// testerSunshine/12306: a Referer for each address, no X-Requested-With, the
	// tiles' bottom edges, no _json_att here and there, no seatDetailType.
	"TS": {era: Classic, header: browsers + "\n" + formType + "\nOrigin: https://kyfw.12306.cn", gap: 2 * time.Second,
		ticket: "O,0,{type},{name},{idtype},{id},{mobile},N", old: "{name},{idtype},{id},{type}_", people: 1, calls: []call{
			{"GET /otn/login/init", "", "/otn/index/init", "", "loginForm"},
			{"GET /passport/captcha/captcha-image?login_site=E&module=login&rand=sjrand&0.8430801647", "", "/otn/login/init", "", ""},
			{"POST /passport/web/auth/uamtk", "appid=otn", passportTo, "", "用户未登录"},
			{"POST /passport/captcha/captcha-check", "answer={=edges}&rand=sjrand&login_site=E", "/otn/login/init", "", `"4"`},
			{"POST /passport/web/login", "username=zhangsan&password=secret12306&appid=otn", "/otn/login/init", "", "登录成功"},
			{"GET /otn/login/userLogin", "", passportTo, "", passportTo},
			{"POST /passport/web/auth/uamtk", "appid=otn", passportTo, "", "newapptk"},
			{"POST /otn/uamauthclient", "tk={tk}", passportTo, "", "张三"},
			{"GET /otn/index/initMy12306", "", passportTo, "", "12306"},
			{"GET " + queryHTM, "", queryHTM, "", "CLeftTicketUrl"},
			{"GET /otn/{url}?" + theDay, "", queryHTM, "", "G1110"},
			{"POST /otn/login/checkUser", "_json_att=", queryHTM, "", `"flag":true`},
			{"POST /otn/leftTicket/submitOrderRequest", "secretStr={-secret}&train_date=" + day + "&back_train_date=2000-01-01&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=%E5%B9%BF%E5%B7%9E%E5%8D%97&query_to_station_name=%E6%AD%A6%E6%B1%89&undefined=", queryHTM, "", `"status":true`},
			{"GET " + orderHTM, "", queryHTM, "", "globalRepeatSubmitToken = '"},
			{"POST " + orderPath + "getPassengerDTOs", `{"_json_att": ""}`, orderHTM, "", `"isExist":true`},
			{"POST " + orderPath + "checkOrderInfo", zeros + "&" + strings2 + "&tour_flag=dc&randCode=&cancel_flag=2" + tokenEnd, orderHTM, "", `"submitStatus":true`},
			{"POST " + orderPath + "getQueueCount", jsDay + counted + "&purpose_codes=00&train_location={location}&REPEAT_SUBMIT_TOKEN={token}", orderHTM, "", `"countT"`},
			{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&seatDetailType=&roomType=00&dwAll=N&whatsSelect=1&_json_at=&randCode=&choose_seats=&REPEAT_SUBMIT_TOKEN={token}", orderHTM, "", `"submitStatus":true`},
			{"POLL " + orderPath + "queryOrderWaitTime?random={ms}&tourFlag=dc&_json_att=", "", orderHTM, "", ""},
		}},
	// pjialin/py12306 with its QR login: the order form of 2021 to 2023, no
	// session before uamauthclient, no checkUser, no wait before the confirm, any
	// digits for random. It sends no Referer at all; here it sends those that
	// the query and the order insist on (PROTOCOL.md 1.1).
	"PJ": {era: Present, header: browsers + "\n" + pageForm, gap: 3 * time.Second,
		ticket: "O,0,{type},{name},{idtype},{id},{mobile},N,{enc}", old: "{name},{idtype},{id},{type}_", people: 1, calls: append([]call{
			{send: "POST /passport/web/create-qr64", body: "appid=otn", want: "生成二维码成功"},
			{send: "SCAN"},
			{send: "POST /passport/web/checkqr", body: "RAIL_DEVICEID=&RAIL_EXPIRATION=&uuid={=uuid}&appid=otn", want: "扫码登录成功"},
			{send: "POST /passport/web/auth/uamtk", body: "appid=otn", want: "newapptk"},
			{send: "POST /otn/uamauthclient", body: "tk={tk}", want: "张三"},
			{send: "GET /otn/login/conf", want: `"is_login":"Y"`},
		}, py12306...)},
	// The same, with the picture of 2019 and unmasked numbers, and the odd end of
	// oldPassengerStr without which, it says, the request fails.
	"PJ 2019": {era: Classic, header: browsers + "\n" + pageForm, gap: 3 * time.Second,
		ticket: "O,0,{type},{name},{idtype},{id},{mobile},N", old: "{name},{idtype},{id},{type}__ _ _", people: 1, calls: append([]call{
			{send: "GET /passport/captcha/captcha-image64?login_site=E&module=login&rand=sjrand&_=0.5211", want: "生成验证码成功"},
			{send: "GET /passport/captcha/captcha-check?answer={=answer}&rand=sjrand&login_site=E&_=0.5212", want: `"4"`},
			{send: "POST /passport/web/login", body: "username=zhangsan&password=secret12306&appid=otn&answer={=answer}", want: "登录成功"},
			{send: "GET /otn/login/userLogin", want: passportTo},
			{send: "GET " + passportTo, want: "uampassport"},
			{send: "POST /passport/web/auth/uamtk", body: "appid=otn", want: "newapptk"},
			{send: "POST /otn/uamauthclient", body: "tk={tk}", want: "张三"},
		}, py12306...)},
	// johnshazhu/12306: headers that stay from request to request, two types in
	// one Content-Type, whatsSelect the number of passengers, chosen seats.
	"JZ": {era: Present, header: browsers, gap: time.Second,
		ticket: "O,0,{type},{name},{idtype},{id},{mobile},N,{enc}", old: "{name},{idtype},{id},{type}_", people: 2, calls: []call{
			{send: "POST /otn/login/conf", want: `"is_login":"N"`},
			{send: "POST /passport/web/auth/uamtk-static", body: "appid=otn", header: pageForm, want: "用户未登录"},
			{"POST /passport/web/checkLoginVerify", "username=zhangsan&appid=otn", loginHTML, twoTypes, `"login_check_code":"3"`},
			{"POST /passport/web/getMessageCode", "username=zhangsan&appid=otn&castNum=0014", loginHTML, twoTypes, "获取手机验证码成功"},
			{"POST /passport/web/login", "username=zhangsan&password={=sealed}&appid=otn&sessionId=&sig=&if_check_slide_passcode_token=&scene=&checkMode=0&randCode={sms}&_json_att=", loginHTML, twoTypes + "\nisPasswordCopy: N", "登录成功"},
			{"GET /otn/login/userLogin", "", loginHTML, twoTypes, passportTo},
			{"GET " + passportTo, "", loginHTML, twoTypes, "uampassport"},
			{"POST /passport/web/auth/uamtk", "appid=otn", passportTo, twoTypes, "newapptk"},
			{"POST /otn/uamauthclient", "tk={tk}", passportTo, twoTypes, "张三"},
			{"GET /otn/login/userLogin", "", passportTo, twoTypes, "/otn/view/index.html"},
			{"GET /otn/leftTicket/queryZ?" + theDay, "", queryHTM, twoTypes + "\n" + xhrLine + "\n" + fresh, "G1110"},
			{"POST /otn/leftTicket/submitOrderRequest", "secretStr={-secret}&train_date=" + day + "&back_train_date=2000-01-01&purpose_codes=ADULT&tour_flag=dc&query_from_station_name=%E5%B9%BF%E5%B7%9E&query_to_station_name=%E6%AD%A6%E6%B1%89&undefined=", queryHTM, formType + "\n" + xhrLine + "\n" + fresh, `"status":true`},
			{"POST " + orderHTM, "", queryHTM, pageForm + "\n" + xhrLine + "\n" + fresh, "globalRepeatSubmitToken = '"},
			{"POST " + orderPath + "getPassengerDTOs", tokenEnd[1:], queryHTM, pageForm + "\n" + xhrLine, `"isExist":true`},
			{"POST " + orderPath + "checkOrderInfo", "cancel_flag=2&" + zeros + "&" + strings2 + "&tour_flag=dc&whatsSelect=2&sessionId=&sig=&scene=nc_login" + tokenEnd, queryHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
			{"POST " + orderPath + "getQueueCount", jsDay + counted + "&purpose_codes=00&train_location={location}&REPEAT_SUBMIT_TOKEN={token}", orderHTM, formType + "\n" + xhrLine, `"countT"`},
			{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&choose_seats=1A1B&seatDetailType=000&is_jy=N&is_cj=Y&encryptedData=&whatsSelect=2&roomType=00&dwAll=N" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
			{"POLL " + orderPath + "queryOrderWaitTime?random={ms}&tourFlag=dc" + tokenEnd, "", orderHTM, xhrLine, ""},
		}},
	// tzwsoho/gogo12306: GET where browsers POST, a JSON body for conf, its fields
	// in the order of the alphabet.
	"GG": {era: Classic, header: browsers + "\n" + formType + "\nOrigin: https://kyfw.12306.cn", gap: time.Second,
		ticket: "O,0,1,{name},1,{id},{mobile},N", old: "{name},1,{id},1_", people: 1, calls: []call{
			{"POST /otn/login/conf", "{}", queryHTM, "Content-Type: application/json; charset=UTF-8", `"is_login":"N"`},
			{"GET /passport/captcha/captcha-image64?login_site=E&module=login&rand=sjrand&_=0.123456", "", loginHTML, "", "生成验证码成功"},
			{"GET /passport/captcha/captcha-check?answer={=answer}&rand=sjrand&login_site=E&_=1640000000000.000000", "", loginHTML, "", `"4"`},
			{"POST /passport/web/login", "answer={=answer}&appid=otn&password=secret12306&username=zhangsan", loginHTML, "", "登录成功"},
			{"GET " + loginHTML, "", "/otn/view/index.html", "", "loginForm"},
			{"GET /passport/web/auth/uamtk-static?appid=otn", "", loginHTML, "", "newapptk"},
			{"POST /otn/uamauthclient", "tk={tk}", passportTo, "", "张三"},
			{"GET " + orderPath + "getPassengerDTOs", "", queryHTM, "", `"isExist":true`},
			{"GET /otn/leftTicket/queryZ?" + theDay, "", queryHTM, "", "G1110"},
			{"POST /otn/leftTicket/submitOrderRequest", "back_train_date=2000-01-01&purpose_codes=ADULT&query_from_station_name=%E5%B9%BF%E5%B7%9E%E5%8D%97&query_to_station_name=%E6%AD%A6%E6%B1%89&secretStr={-secret}&tour_flag=dc&train_date=" + day + "&undefined=", queryHTM, "", `"status":true`},
			{"POST " + orderHTM, "_json_attr=", queryHTM, "", "globalRepeatSubmitToken = '"},
			{"POST " + orderPath + "checkOrderInfo", "REPEAT_SUBMIT_TOKEN={token}&_json_att=&" + zeros + "&cancel_flag=2&oldPassengerStr={=old}&passengerTicketStr={=ticket}&randCode=&scene=nc_login&sessionId=&sig=&tour_flag=dc&whatsSelect=1", orderHTM, "", `"submitStatus":true`},
			{"POST " + orderPath + "getQueueCount", "REPEAT_SUBMIT_TOKEN={token}&_json_att=&purpose_codes=00" + counted + "&train_location={location}&" + jsDay, orderHTM, "", `"countT"`},
			{"POST " + orderPath + "confirmSingleForQueue", "REPEAT_SUBMIT_TOKEN={token}&_json_att=&choose_seats=&dwAll=N&encryptedData=&is_cj=Y&is_jy=N&key_check_isChange={key}&leftTicketStr={=left}&oldPassengerStr={=old}&passengerTicketStr={=ticket}&purpose_codes=00&randCode=&roomType=00&seatDetailType=&train_location={location}&whatsSelect=1", orderHTM, "", `"submitStatus":true`},
			{"POLL " + orderPath + "queryOrderWaitTime?random={ms}&tourFlag=dc" + tokenEnd, "", orderHTM, "", ""},
		}},
	// zezeez/12306-yunying: its Referer is the address it asked last, no
	// userLogin, seconds for random, and result without a token.
	"YY": {era: Present, header: browsers + "\n" + formType + "\nOrigin: https://kyfw.12306.cn", gap: time.Second,
		ticket: "O,0,1,{name},1,{id},{mobile},N,{enc}", old: "{name},1,{id},1_", people: 1, calls: []call{
			{"POST /otn/login/conf", "", "<", "", `"is_login":"N"`},
			{"POST /passport/web/auth/uamtk-static", "appid=otn", "<", "", "用户未登录"},
			{"POST /passport/web/checkLoginVerify", "username=zhangsan&appid=otn", "<", "", `"login_check_code":"3"`},
			{"POST /passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum=0014", "<", "", "获取手机验证码成功"},
			{"POST /passport/web/login", "sessionId=&sig=&if_check_slide_passcode_token=&scene=&checkMode=0&randCode={sms}&username=zhangsan&password={=sealed}&appid=otn", "<", "isPasswordCopy: \nappFlag: ", "登录成功"},
			{"POST /passport/web/auth/uamtk", "appid=otn", "<", "", "newapptk"},
			{"POST /otn/uamauthclient", "tk={tk}", "<", "", "张三"},
			{"POST /otn/login/conf", "", "<", "", `"is_login":"Y"`},
			{"POST /otn/index/initMy12306Api", "", "<", "", "张三"},
			{"POST " + orderPath + "getPassengerDTOs", "_json_attr=", "<", "", `"isExist":true`},
			{"GET /otn/leftTicket/queryZ?" + theDay, "", "<", "", "G1110"},
			{"POST /otn/login/checkUser", "_json_att=", "<", "", `"flag":true`},
			{"POST /otn/leftTicket/submitOrderRequest", "secretStr={-secret}&train_date=" + day + "&back_train_date=" + day + "&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=%E5%B9%BF%E5%B7%9E&query_to_station_name=%E6%AD%A6%E6%B1%89&bed_level_info={=bed}&seat_discount_info={=discount}&undefined=", "<", "", `"status":true`},
			{"POST " + orderHTM, "", "<", "", "globalRepeatSubmitToken = '"},
			{"POST " + orderPath + "checkOrderInfo", "cancel_flag=2&" + zeros + "&" + strings2 + "&tour_flag=dc&whatsSelect=1&sessionId=&sig=&scene=nc_login" + tokenEnd, "<", "", `"submitStatus":true`},
			{"POST " + orderPath + "getQueueCount", jsDay + counted + "&purpose_codes=00&train_location={location}" + tokenEnd, "<", "", `"countT"`},
			{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&choose_seats=&seatDetailType=000&is_jy=N&is_cj=Y&encryptedData=&whatsSelect=1&roomType=00&dwAll=N" + tokenEnd, "<", "", `"submitStatus":true`},
			{"POLL " + orderPath + "queryOrderWaitTime?random={s}&tourFlag=dc" + tokenEnd, "", "<", "", ""},
			{"POST " + orderPath + "resultOrderForDcQueue", "orderSequence_no={order}", "<", "", `"submitStatus":true`},
		}},
}

// twoTypes is JZ's Content-Type.
const twoTypes = "Content-Type: application/x-www-form-urlencoded;application/json;charset=UTF-8"

// browser2024 is R24 after its login.
var browser2024 = []call{
	{"GET /otn/login/userLogin", "", loginHTML, "", passportTo},
	{"GET " + passportTo, "", loginHTML, "", "uampassport"},
	{"POST /passport/web/auth/uamtk", "appid=otn", passportTo, formType + "\n" + xhrLine, "newapptk"},
	{"POST /otn/uamauthclient", "tk={tk}", passportTo, formType + "\n" + xhrLine, "张三"},
	{"GET /otn/login/userLogin", "", passportTo, "", "/otn/view/index.html"},
	{"GET /otn/view/index.html", "", passportTo, "", "12306"},
	{"POST /otn/login/conf", "", "/otn/view/index.html", xhrLine, `"is_login":"Y"`},
	{"GET /otn/leftTicket/init?linktypeid=dc", "", "/otn/view/index.html", "", "CLeftTicketUrl"},
	{"GET /otn/{url}?" + theDay, "", queryHTM + "?linktypeid=dc", xhrLine + "\n" + fresh, "G1110"},
	{"POST /otn/login/checkUser", "_json_att=", queryHTM + "?linktypeid=dc", formType + "\n" + xhrLine + "\n" + fresh, `"flag":true`},
	{"POST /otn/leftTicket/submitOrderRequest", "secretStr={secret}&train_date=" + day + "&back_train_date=" + day + "&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=广州&query_to_station_name=武汉&bed_level_info={bed}&seat_discount_info={discount}&undefined", queryHTM + "?linktypeid=dc", formType + "\n" + xhrLine, `"status":true`},
	{"POST " + orderHTM, "_json_att=", queryHTM + "?linktypeid=dc", pageForm, "globalRepeatSubmitToken = '"},
	{"POST " + orderPath + "getPassengerDTOs", tokenEnd[1:], orderHTM, formType + "\n" + xhrLine, `"isExist":true`},
	{"POST " + orderPath + "checkOrderInfo", "cancel_flag=2&" + zeros + "&" + strings2 + "&tour_flag=dc&whatsSelect=1&sessionId=&sig=&scene=nc_login" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
	{"POST " + orderPath + "getQueueCount", jsDay + counted + "&purpose_codes=00&train_location={location}" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"countT"`},
	{send: "SLEEP"},
	{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&choose_seats=&seatDetailType=000&is_jy=N&is_cj=Y&encryptedData={blob}&whatsSelect=1&roomType=00&dwAll=N" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
	{"POST /otn/basedata/log", "type=dc" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"data":true`},
	{"POLL " + orderPath + "queryOrderWaitTime?random={ms}&tourFlag=dc" + tokenEnd, "", orderHTM, xhrLine, ""},
	{"POST " + orderPath + "resultOrderForDcQueue", "orderSequence_no={order}" + tokenEnd, orderHTM, formType + "\n" + xhrLine, `"submitStatus":true`},
	{"POST /otn/payOrder/init?random={ms}", tokenEnd[1:], orderHTM, pageForm, "席位已锁定"},
}

// py12306 is PJ after its login.
var py12306 = []call{
	{send: "GET /otn/modifyUser/initQueryUserInfoApi", want: "张三"},
	{send: "POST " + orderPath + "getPassengerDTOs", want: `"isExist":true`},
	{send: "GET " + queryHTM, want: "CLeftTicketUrl"},
	{"GET /otn/{url}?" + theDay, "", queryHTM, "", "G1110"},
	{"POST /otn/leftTicket/submitOrderRequest", "secretStr={-secret}&train_date=" + day + "&back_train_date=" + day + "&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=%E5%B9%BF%E5%B7%9E%E5%8D%97&query_to_station_name=%E6%AD%A6%E6%B1%89", queryHTM, "", `"status":true`},
	{send: "POST " + orderHTM, body: "_json_att=", want: "globalRepeatSubmitToken = '"},
	{"POST " + orderPath + "checkOrderInfo", "cancel_flag=2&" + zeros + "&" + strings2 + "&tour_flag=dc&randCode=&whatsSelect=1" + tokenEnd, orderHTM, "", `"submitStatus":true`},
	{"POST " + orderPath + "getQueueCount", "train_date=Wed+Jan+05+2000+00%3A00%3A00+GMT%2B0800+%28China+Standard+Time%29" + counted + "&purpose_codes=00&train_location={location}" + tokenEnd, orderHTM, "", `"countT"`},
	{"POST " + orderPath + "confirmSingleForQueue", strings2 + "&randCode=&purpose_codes=00&key_check_isChange={key}&leftTicketStr={=left}&train_location={location}&choose_seats=&seatDetailType=000&whatsSelect=1&roomType=00&dwAll=N" + tokenEnd, orderHTM, "", `"submitStatus":true`},
	{send: "POLL " + orderPath + "queryOrderWaitTime?random=6180612300231&tourFlag=dc" + tokenEnd},
}
