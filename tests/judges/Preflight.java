import java.io.File;
import org.apache.pdfbox.preflight.Format;
import org.apache.pdfbox.preflight.PreflightDocument;
import org.apache.pdfbox.preflight.ValidationResult;
import org.apache.pdfbox.preflight.parser.PreflightParser;

/** Says of each file named whether Apache PDFBox Preflight finds it to be PDF/A-1b: one line a file. */
public class Preflight {
    public static void main(String[] files) {
        for (String file : files) {
            System.out.println(verdict(file) + "\t" + file);
        }
    }

    private static String verdict(String file) {
        try {
            PreflightParser parser = new PreflightParser(new File(file));
            parser.parse(Format.PDF_A1B);
            try (PreflightDocument document = parser.getPreflightDocument()) {
                document.validate();
                ValidationResult result = document.getResult();
                StringBuilder text = new StringBuilder(result.isValid() ? "VALID" : "INVALID");
                for (ValidationResult.ValidationError error : result.getErrorsList()) {
                    text.append(" ").append(error.getErrorCode()).append(" ").append(error.getDetails().replace('\n', ' '));
                }
                return text.toString();
            }
        } catch (Exception error) {
            return "INVALID " + error;
        }
    }
}
