package railsim

import (
	"regexp"
	"sync"
)

// Step names one kind of request.
type Step string

// The steps, in the order a browser meets them.
const (
	StepLoginInit       Step = "login/init"
	StepLoginPage       Step = "resources/login.html"
	StepConf            Step = "login/conf"
	StepBanner          Step = "index12306/getLoginBanner"
	StepUamtkStatic     Step = "uamtk-static"
	StepCaptchaImage    Step = "captcha-image"
	StepCaptchaImage64  Step = "captcha-image64"
	StepCaptchaCheck    Step = "captcha-check"
	StepLoginVerify     Step = "checkLoginVerify"
	StepSMS             Step = "getMessageCode"
	StepQRCreate        Step = "create-qr64"
	StepQRCheck         Step = "checkqr"
	StepLogin           Step = "web/login"
	StepUserLogin       Step = "login/userLogin"
	StepPassport        Step = "passport"
	StepUamtk           Step = "auth/uamtk"
	StepUamauthclient   Step = "uamauthclient"
	StepIndex           Step = "view/index.html"
	StepMy12306         Step = "initMy12306Api"
	StepStations        Step = "station_name.js"
	StepQueryInit       Step = "leftTicket/init"
	StepQueryLog        Step = "leftTicket/log"
	StepQuery           Step = "leftTicket/query"
	StepCheckUser       Step = "login/checkUser"
	StepSubmit          Step = "submitOrderRequest"
	StepInitDc          Step = "initDc"
	StepPassengers      Step = "getPassengerDTOs"
	StepPassCode        Step = "getPassCodeNew"
	StepCheckPassCode   Step = "checkRandCodeAnsyn"
	StepCheckOrder      Step = "checkOrderInfo"
	StepQueueCount      Step = "getQueueCount"
	StepConfirm         Step = "confirmSingleForQueue"
	StepConfirmSingle   Step = "confirmSingle"
	StepLog             Step = "basedata/log"
	StepWait            Step = "queryOrderWaitTime"
	StepResult          Step = "resultOrderForDcQueue"
	StepPayInit         Step = "payOrder/init"
	StepNoCompletePage  Step = "initNoComplete"
	StepTrainOrderPage  Step = "view/train_order.html"
	StepNoComplete      Step = "queryMyOrderNoComplete"
	StepNoCompleteQueue Step = "initNoCompleteQueueApi"
	StepMyOrder         Step = "queryMyOrder"
	StepCancelOrder     Step = "cancelNoCompleteMyOrder"
	StepCancelQueue     Step = "cancelQueueNoCompleteMyOrder"
	StepAsset           Step = "asset" // what clients fetch beside the protocol
	StepErrorPage       Step = "error.html"
	StepUnknown         Step = "unknown"
)

// Steps lists every step but StepUnknown.
func Steps() []Step {
	var list []Step
	for _, r := range siteMap() {
		list = append(list, r.step)
	}
	return list
}

// A pageClass is a set of pages of which a browser on one of them could send
// the request: what the Referer may be.
type pageClass string

const (
	anyPage      pageClass = ""
	loginPage    pageClass = "^/otn/(login/init|resources/login\\.html)$"
	signOnPage   pageClass = "^/otn/(passport|login/userLogin|login/init|resources/login\\.html)$"
	queryPage    pageClass = "^/otn/leftTicket/init$"
	userPage     pageClass = "^/otn/(leftTicket/init|view/[a-z_]+\\.html|confirmPassenger/initDc|queryOrder/initNoComplete|payOrder/init|passport|login/userLogin)$"
	homePage     pageClass = "^/otn/(view/[a-z_]+\\.html|leftTicket/init|passport)$"
	orderPage    pageClass = "^/otn/confirmPassenger/initDc$"
	codePage     pageClass = "^/otn/(leftTicket/init|confirmPassenger/initDc)$"
	waitPage     pageClass = "^/otn/(confirmPassenger/initDc|queryOrder/initNoComplete|view/train_order\\.html)$"
	openPage     pageClass = "^/otn/(queryOrder/initNoComplete|view/train_order\\.html|payOrder/init|confirmPassenger/initDc)$"
	visitingPage pageClass = "^/otn/" // any page of the site
)

// manner is how a browser sends it.
type manner int

const (
	visit  manner = iota // a page: no X-Requested-With
	xhr                  // a script's request: X-Requested-With
	asset                // an image, a script, JSONP: neither is looked at
	hybrid               // seen both ways (web/login of 2019 went without)
)

// ground is what must be there before the step.
type ground int

const (
	open     ground = iota
	otn             // JSESSIONID and the load balancer's cookies
	entrance        // the same, but who comes without gets them here (a note)
	signOn          // _passport_session
)

// route describes one step: who may send it from where with what.
type route struct {
	step Step
	// method is "GET", "POST" or both; "POST get" is served by GET, with a note.
	method string
	path   *regexp.Regexp
	manner manner
	ground ground
	page   pageClass
	// params are the names of the parameters; "name?" may be missing, "name~"
	// is missed with a note, "#" is one bare number against caches, "*" whatever
	// is sent.
	params string
	era    Era // "" is both
	handle func(*Server, *exchange)

	referer *regexp.Regexp // page, compiled
}

func exactly(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.QuoteMeta(path) + "$")
}

// insists says that the step refuses whoever does not come from a page of the
// site: the query, and the order from submitOrderRequest to the confirm. Its
// pictures and its list of passengers do not, for other pages ask for them too.
func (r *route) insists() bool {
	switch r.step {
	case StepQueryLog, StepQuery, StepSubmit, StepCheckPassCode, StepCheckOrder, StepQueueCount, StepConfirm, StepConfirmSingle:
		return true
	}
	return false
}

// siteMap is every step. Nothing changes it. The daemon links it for demo alone,
// hence not before it is asked for: it takes a megabyte.
var siteMap = sync.OnceValue(buildRoutes)

func buildRoutes() []route {
	routes := listRoutes()
	for i := range routes {
		routes[i].referer = regexp.MustCompile(string(routes[i].page))
	}
	return routes
}

func listRoutes() []route {
	const (
		order   = "/otn/confirmPassenger/"
		captcha = "/passport/captcha/"
		web     = "/passport/web/"
		queries = "leftTicketDTO.train_date leftTicketDTO.from_station leftTicketDTO.to_station purpose_codes"
		device  = "RAIL_DEVICEID? RAIL_EXPIRATION?"
		confirm = "passengerTicketStr oldPassengerStr randCode? purpose_codes key_check_isChange leftTicketStr train_location choose_seats~ seatDetailType~ is_jy? is_cj? encryptedData? whatsSelect~ roomType~ dwAll~ _json_att~ REPEAT_SUBMIT_TOKEN"
	)
	return []route{
		{StepLoginInit, "GET", exactly("/otn/login/init"), visit, open, anyPage, "#", "", (*Server).loginInit, nil},
		{StepLoginPage, "GET", exactly("/otn/resources/login.html"), visit, open, anyPage, "#", "", (*Server).loginInit, nil},
		{StepConf, "POST get", exactly("/otn/login/conf"), xhr, open, visitingPage, "", "", (*Server).conf, nil},
		{StepBanner, "GET", exactly("/otn/index12306/getLoginBanner"), xhr, open, visitingPage, "", "", (*Server).banner, nil},
		{StepUamtkStatic, "POST get", exactly(web + "auth/uamtk-static"), xhr, open, visitingPage, "appid", "", (*Server).uamtkStatic, nil},
		{StepCaptchaImage, "GET", exactly(captcha + "captcha-image"), asset, open, loginPage, "login_site module rand # _?", "", (*Server).captchaImage, nil},
		{StepCaptchaImage64, "GET", exactly(captcha + "captcha-image64"), asset, open, loginPage, "login_site module rand # callback? _?", "", (*Server).captchaImage64, nil},
		{StepCaptchaCheck, "GET POST", exactly(captcha + "captcha-check"), asset, signOn, loginPage, "callback? answer login_site rand _?", "", (*Server).captchaCheck, nil},
		{StepLoginVerify, "POST", exactly(web + "checkLoginVerify"), xhr, signOn, loginPage, "username appid", Present, (*Server).checkLoginVerify, nil},
		{StepSMS, "POST", exactly(web + "getMessageCode"), xhr, signOn, loginPage, "appid username castNum", Present, (*Server).getMessageCode, nil},
		{StepQRCreate, "POST", exactly(web + "create-qr64"), xhr, open, loginPage, "appid", Present, (*Server).createQR, nil},
		{StepQRCheck, "POST", exactly(web + "checkqr"), xhr, signOn, loginPage, device + " uuid appid", Present, (*Server).checkQR, nil},
		{StepLogin, "POST", exactly(web + "login"), hybrid, signOn, loginPage, "sessionId? sig? if_check_slide_passcode_token? scene? checkMode? randCode? username password appid answer?", "", (*Server).login, nil},
		{StepUserLogin, "GET POST", exactly("/otn/login/userLogin"), visit, entrance, visitingPage, "_json_att?", "", (*Server).userLogin, nil},
		{StepPassport, "GET", exactly("/otn/passport"), visit, open, anyPage, "redirect", "", (*Server).passportPage, nil},
		{StepUamtk, "POST", exactly(web + "auth/uamtk"), xhr, signOn, signOnPage, "appid", "", (*Server).uamtk, nil},
		{StepUamauthclient, "POST", exactly("/otn/uamauthclient"), xhr, entrance, signOnPage, "tk", "", (*Server).uamauthclient, nil},
		{StepIndex, "GET", exactly("/otn/view/index.html"), visit, open, anyPage, "", "", (*Server).index, nil},
		{StepMy12306, "POST", exactly("/otn/index/initMy12306Api"), xhr, otn, homePage, "", "", (*Server).my12306, nil},
		{StepStations, "GET", exactly("/otn/resources/js/framework/station_name.js"), asset, open, anyPage, "station_version?", "", (*Server).stationNames, nil},
		{StepQueryInit, "GET POST", exactly("/otn/leftTicket/init"), visit, open, anyPage, "linktypeid? random? fs? ts? date? flag? _json_att?", "", (*Server).queryInit, nil},
		{StepQueryLog, "GET", exactly("/otn/leftTicket/log"), xhr, otn, queryPage, queries, "", (*Server).queryLog, nil},
		{StepQuery, "GET", regexp.MustCompile(`^/otn/leftTicket/query[A-Z]?$`), xhr, otn, queryPage, queries, "", (*Server).query, nil},
		{StepCheckUser, "POST", exactly("/otn/login/checkUser"), xhr, otn, userPage, "_json_att~", "", (*Server).checkUser, nil},
		{StepSubmit, "POST", exactly("/otn/leftTicket/submitOrderRequest"), xhr, otn, queryPage, "secretStr train_date back_train_date tour_flag purpose_codes query_from_station_name query_to_station_name bed_level_info? seat_discount_info? undefined~", "", (*Server).submit, nil},
		{StepInitDc, "POST get", exactly(order + "initDc"), visit, otn, queryPage, "_json_att~", "", (*Server).initDc, nil},
		{StepPassengers, "POST get", exactly(order + "getPassengerDTOs"), xhr, otn, userPage, "_json_att~ REPEAT_SUBMIT_TOKEN?", "", (*Server).getPassengerDTOs, nil},
		{StepPassCode, "GET", exactly("/otn/passcodeNew/getPassCodeNew"), asset, otn, codePage, "module rand #", "", (*Server).getPassCode, nil},
		{StepCheckPassCode, "POST", exactly("/otn/passcodeNew/checkRandCodeAnsyn"), xhr, otn, orderPage, "randCode rand _json_att~ REPEAT_SUBMIT_TOKEN", "", (*Server).checkPassCode, nil},
		{StepCheckOrder, "POST", exactly(order + "checkOrderInfo"), xhr, otn, orderPage, "cancel_flag bed_level_order_num passengerTicketStr oldPassengerStr tour_flag randCode? whatsSelect~ sessionId? sig? scene? _json_att~ REPEAT_SUBMIT_TOKEN", "", (*Server).checkOrder, nil},
		{StepQueueCount, "POST", exactly(order + "getQueueCount"), xhr, otn, orderPage, "train_date train_no stationTrainCode seatType fromStationTelecode toStationTelecode leftTicket purpose_codes train_location _json_att~ REPEAT_SUBMIT_TOKEN", "", (*Server).queueCount, nil},
		{StepConfirm, "POST", exactly(order + "confirmSingleForQueue"), xhr, otn, orderPage, confirm, "", (*Server).confirm, nil},
		{StepConfirmSingle, "POST", exactly(order + "confirmSingle"), xhr, otn, orderPage, confirm, "", (*Server).confirm, nil},
		{StepLog, "POST", exactly("/otn/basedata/log"), xhr, otn, orderPage, "type _json_att~ REPEAT_SUBMIT_TOKEN", "", (*Server).baseLog, nil},
		{StepWait, "GET", exactly(order + "queryOrderWaitTime"), xhr, otn, waitPage, "random~ tourFlag _json_att~ REPEAT_SUBMIT_TOKEN?", "", (*Server).waitTime, nil},
		{StepResult, "POST", exactly(order + "resultOrderForDcQueue"), xhr, otn, waitPage, "orderSequence_no _json_att~ REPEAT_SUBMIT_TOKEN?", "", (*Server).result, nil},
		{StepPayInit, "GET POST", exactly("/otn/payOrder/init"), visit, otn, waitPage, "random? _json_att~ REPEAT_SUBMIT_TOKEN?", "", (*Server).payInit, nil},
		{StepNoCompletePage, "GET POST", exactly("/otn/queryOrder/initNoComplete"), visit, otn, visitingPage, "_json_att~", "", (*Server).noCompletePage, nil},
		{StepTrainOrderPage, "GET", exactly("/otn/view/train_order.html"), visit, otn, anyPage, "", "", (*Server).noCompletePage, nil},
		{StepNoComplete, "POST", exactly("/otn/queryOrder/queryMyOrderNoComplete"), xhr, otn, openPage, "_json_att~", "", (*Server).noComplete, nil},
		{StepNoCompleteQueue, "POST", exactly("/otn/queryOrder/initNoCompleteQueueApi"), xhr, otn, openPage, "", "", (*Server).noCompleteQueue, nil},
		{StepMyOrder, "POST", exactly("/otn/queryOrder/queryMyOrder"), xhr, otn, visitingPage, "come_from_flag query_where queryStartDate queryEndDate queryType sequeue_train_name pageIndex pageSize _json_att?", "", (*Server).myOrder, nil},
		{StepCancelOrder, "POST", exactly("/otn/queryOrder/cancelNoCompleteMyOrder"), xhr, otn, openPage, "sequence_no cancel_flag _json_att~", "", (*Server).cancelOrder, nil},
		{StepCancelQueue, "POST", exactly("/otn/queryOrder/cancelQueueNoCompleteMyOrder"), xhr, otn, openPage, "tourFlag", "", (*Server).cancelQueue, nil},
		{StepAsset, "GET POST", regexp.MustCompile(`^/otn/(HttpZF/(GetJS|logdevice)|index/initMy12306|modifyUser/initQueryUserInfoApi)$`), asset, open, anyPage, "*", "", (*Server).asset, nil},
		{StepErrorPage, "GET POST", exactly("/mormhweb/logFiles/error.html"), asset, open, anyPage, "", "", (*Server).errorHTML, nil},
	}
}
