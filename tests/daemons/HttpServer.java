// HttpServer VERSION_FILE PORT: Java's own HTTP server, with threads that answer.
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;

public class HttpServer {
	static String answer;

	public static void main(String[] arguments) throws IOException {
		answer = Files.readString(Path.of(arguments[0])).trim() + " " +
			ProcessHandle.current().pid() + " end\n";
		var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[1]));
		var server = com.sun.net.httpserver.HttpServer.create(address, 0);
		server.createContext("/", HttpServer::serve);
		server.setExecutor(Executors.newFixedThreadPool(8));
		server.start();
	}

	static void serve(HttpExchange exchange) throws IOException {
		try {
			if (exchange.getRequestURI().getPath().equals("/slow"))
				Thread.sleep(1000);
		} catch (InterruptedException e) {
			throw new IOException(e);
		}
		exchange.sendResponseHeaders(200, answer.length());
		exchange.getResponseBody().write(answer.getBytes());
		exchange.close();
	}
}
