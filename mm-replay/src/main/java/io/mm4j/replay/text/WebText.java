// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.text;

import java.util.List;
import java.util.regex.Pattern;

/** Lines as a web page has them: tags of an archive of mails, and characters that it has named. */
public final class WebText {
  private static final Pattern TAG =
      Pattern.compile("</?(?:span|br|p|pre|code|div|tt|font|b|i|a|li)(?: [^>]{0,200})?/?>");

  private static final List<String[]> NAMED =
      List.of(
          new String[] {"&gt;", ">"},
          new String[] {"&lt;", "<"},
          new String[] {"&quot;", "\""},
          new String[] {"&#39;", "'"},
          new String[] {"&nbsp;", " "},
          new String[] {"&amp;", "&"});

  private static final char ESCAPE = '\u001b';

  /** How terminals are told to change colours, and to erase the rest of a line. */
  private static final Pattern COLOUR = Pattern.compile(ESCAPE + "\\[[0-9;]{0,16}[mK]");

  private WebText() {}

  /** The line without tags; itself if no character in it is named as web pages do. */
  public static String plain(String coloured) {
    String line = coloured.indexOf(ESCAPE) < 0 ? coloured : COLOUR.matcher(coloured).replaceAll("");
    if (line.indexOf('&') < 0 || NAMED.stream().noneMatch(named -> line.contains(named[0]))) {
      return line;
    }
    String plain = TAG.matcher(line).replaceAll("");
    for (String[] named : NAMED) {
      plain = plain.replace(named[0], named[1]);
    }
    return plain;
  }

  /**
   * Whether a mail's text is in quoted-printable (RFC 2045): long lines end in {@code =} and go on
   * in the next, and {@code =} itself is {@code =3D}.
   */
  public static boolean isQuotedPrintable(String text) {
    return text.contains("=3D");
  }

  /** A line of such a text with {@code =3D} and {@code =20} as what they stand for. */
  public static String unquoted(String line) {
    return line.replace("=20", " ").replace("=3D", "=");
  }
}
