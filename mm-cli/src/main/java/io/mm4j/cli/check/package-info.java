// SPDX-License-Identifier: Apache-2.0

/** Results of the test kit as text, JSON and CSV. */
@NullMarked
package io.mm4j.cli.check;

import org.jspecify.annotations.NullMarked;
