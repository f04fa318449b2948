// SocketServer VERSION_FILE PORT: blocks in ServerSocket.accept(), a thread for each connection.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;

public class SocketServer {
	static String answer;

	public static void main(String[] arguments) throws IOException {
		answer = Files.readString(Path.of(arguments[0])).trim() + " " +
			ProcessHandle.current().pid() + " end\n";
		var local = InetAddress.getByName("127.0.0.1");
		var server = new ServerSocket(Integer.parseInt(arguments[1]), 50, local);
		for (;;) {
			Socket client = server.accept();
			new Thread(() -> serve(client)).start();
		}
	}

	static void serve(Socket client) {
		try (client) {
			var in = new BufferedReader(new InputStreamReader(client.getInputStream()));
			String request = in.readLine();
			while (!in.readLine().isEmpty())
				;
			if (request.startsWith("GET /slow "))
				Thread.sleep(1000);
			client.getOutputStream().write(("HTTP/1.0 200 OK\r\n\r\n" + answer).getBytes());
		} catch (IOException | InterruptedException e) {
			System.err.println(e);
		}
	}
}
