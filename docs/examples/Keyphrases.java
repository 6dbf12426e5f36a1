// Prints each post's keyphrases as they come, until it is told to stop. Needs org.apache.kafka:kafka-clients and
// com.fasterxml.jackson.core:jackson-databind.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Keyphrases {
  public static void main(String[] args) throws Exception {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", setting("BROKERS", "127.0.0.1:9092"),
            "group.id", setting("GROUP", "my-trends"),
            "auto.offset.reset", "earliest",
            // Results of transactions that were aborted are left out.
            "isolation.level", "read_committed");
    ObjectMapper json = new ObjectMapper();
    KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(consumer, main)));
    try (consumer) {
      consumer.subscribe(List.of(setting("TOPIC", "keyphrases")));
      while (true) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
          if (record.value() == null) {
            System.out.println(record.key() + ": withdrawn"); // The post was deleted.
            continue;
          }
          JsonNode result = json.readTree(record.value());
          List<String> phrases = new ArrayList<>();
          for (JsonNode tag : result.get("keyphrases")) {
            double score = tag.get("score").asDouble();
            phrases.add(String.format(Locale.ROOT, "%s (%.2f)", tag.get("phrase").asText(), score));
          }
          System.out.println(result.get("id").asText() + ": " + String.join(", ", phrases));
        }
      }
    } catch (WakeupException stopped) {
      // Closed: the group knows at once that this member has left.
    }
  }

  private static void stop(KafkaConsumer<String, String> consumer, Thread main) {
    consumer.wakeup();
    try {
      main.join();
    } catch (InterruptedException ignored) {
      // The process ends anyway.
    }
  }

  private static String setting(String name, String fallback) {
    return System.getenv().getOrDefault(name, fallback);
  }
}
