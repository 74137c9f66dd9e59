// Serves the Bot API emulator telegram-test-api (npm, MIT) on 127.0.0.1:PORT,
// with what it lacks: multipart bodies, pictures, edits that return the
// message, dates in seconds, and a getUpdates that waits. deploy/telegram-test.sh
// runs it for TestEmulator. setMyCommands stays unknown: HTTP 500.
const TelegramServer = require('telegram-test-api');
const multer = require('multer');

(async () => {
  const s = new TelegramServer({ port: Number(process.env.PORT), host: '127.0.0.1', storeTimeout: 600 });
  const app = s.webServer;
  const stack = app._router.stack;
  const front = [];
  const first = (add) => { const n = stack.length; add(); front.push(...stack.splice(n)); };
  const parsed = (b) => {
    for (const k of ['reply_markup', 'media']) if (typeof b[k] === 'string') b[k] = JSON.parse(b[k]);
    return b;
  };
  const seconds = (ms) => Math.floor(ms / 1000);
  const photo = [{ file_id: 'F1', file_unique_id: 'U1', width: 293, height: 190 }];

  first(() => app.use(multer().any()));
  for (const method of ['sendPhoto', 'sendMessage']) {
    first(() => app.all('/bot:token/' + method, (q, r) => {
      if (method === 'sendPhoto' && !(q.files || []).some((f) => f.size > 0)) {
        r.status(400).json({ ok: false, error_code: 400, description: 'Bad Request: there is no photo in the request' });
        return;
      }
      const m = s.addBotMessage(parsed(q.body), q.params.token);
      const result = { message_id: m.message_id, date: seconds(m.date), chat: { id: Number(q.body.chat_id), type: 'private' }, text: m.text };
      if (method === 'sendPhoto') Object.assign(result, { photo, caption: q.body.caption });
      r.json({ ok: true, result });
    }));
  }
  for (const method of ['editMessageMedia', 'editMessageCaption', 'editMessageText']) {
    first(() => app.all('/bot:token/' + method, (q, r) => {
      const b = parsed(q.body);
      s.editMessageText(b);
      r.json({ ok: true, result: { message_id: Number(b.message_id), date: seconds(Date.now()), chat: { id: Number(b.chat_id), type: 'private' } } });
    }));
  }
  first(() => app.all('/bot:token/answerCallbackQuery', (_q, r) => r.json({ ok: true, result: true })));
  first(() => app.all('/bot:token/getUpdates', (q, r) => {
    const end = Date.now() + 1000;
    const look = () => {
      const result = s.getUpdates(q.params.token);
      if (result.length > 0 || Date.now() > end) r.json({ ok: true, result });
      else setTimeout(look, 50);
    };
    look();
  }));
  stack.splice(5, 0, ...front); // after query, init, sendResult, json, urlencoded
  await s.start();
  console.log('ready');
})();
