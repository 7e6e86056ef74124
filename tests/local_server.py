"""A web server on this machine that misbehaves on demand; no test needs the internet."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers each path with the behaviour given for it; ``asked`` lists the paths requested.

    A behaviour is a list, one entry a request, the last one for all that follow: bytes are sent;
    a number is a status; ``(bytes, n)`` promises all bytes, sends n and hangs up;
    ``(bytes, n, event)`` sends n and is silent until the event.
    """

    def __init__(self, port):
        self.url, self.behaviour, self.asked = f"http://127.0.0.1:{port}/", {}, []

    def next_answer(self, path):
        self.asked.append(path)
        answers = self.behaviour.get(path, [404])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = self.server.state.next_answer(self.path.lstrip("/"))
        if isinstance(answer, int):
            self.send_error(answer)
            return
        body, sent, silence = (
            (answer, None, None) if isinstance(answer, bytes) else (*answer, None)[:3]
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])
        self.wfile.flush()
        if silence is not None:
            silence.wait(10)

    def log_message(self, *_):
        pass


@contextmanager
def serve() -> Iterator[Server]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.state = Server(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
