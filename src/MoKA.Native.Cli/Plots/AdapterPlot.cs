using MoKA.Native.Diagnostics;
using MoKA.Native.Llama.Checkpoints;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace MoKA.Native.Cli.Plots;

/// <summary>
/// The picture of an adapter: for each kind of map a field with a row for every filter and a column for every layer, once
/// coloured by the gate's weight and once by the filter's norm. Without mixtures one field of norms has a row for each kind.
/// </summary>
internal static class AdapterPlot
{
    private const double RowHeight = 15, KindGap = 16, Above = 62, Below = 50, Beside = 24, Heading = 64;
    private const double LetterWidth = 6.6, KindLetterWidth = 8.2; // generous, as fonts differ from viewer to viewer
    private const double Middle = 0.03; // between the two columns, of the width
    private const double Seam = 0.7; // around a cell, in points

    private static readonly OxyPalette Gates = Palette(PlotStyle.Strong, OxyColor.FromRgb(0x0A, 0x3B, 0x45)), Norms = Palette(PlotStyle.Accent, OxyColor.FromRgb(0x6E, 0x2C, 0x0A));

    public static void Save(string path, string title, AdapterSummary adapter)
    {
        Field[] fields = [.. Fields(adapter)];
        bool mixtures = fields.Any(f => f.Rows.Length > 1);
        if (!mixtures) fields = [Merged(fields)];
        Row[] rows = [.. fields.SelectMany(f => f.Rows)];
        int layers = rows.Max(r => r.Cells.Length);
        double height = rows.Length * RowHeight + (fields.Length - 1) * KindGap, labels = rows.Max(r => r.Label.Length) * LetterWidth + 10;
        PlotModel model = PlotStyle.Model(title);
        model.TitlePadding = 14;
        model.PlotMargins = new OxyThickness(labels + fields.Max(f => f.Kind.Length) * KindLetterWidth + 12, Above, Beside, Below);
        double left = mixtures ? (1 - Middle) / 2 : 1, across = Seam * layers / (left * (PlotStyle.Width - model.PlotMargins.Left - Beside));
        if (mixtures) AddColumn(model, "gate", $"gate weight{(fields.Select(f => f.Rows.Length).Distinct().Count() == 1 ? $", equal shares are 1/{fields[0].Rows.Length}" : "")}", Gates, 0, left, layers, [.. rows.SelectMany(r => r.Cells).Select(c => c.Weight).Where(double.IsFinite)]);
        AddColumn(model, "norm", mixtures ? "norm of the filter, its gate weight included" : "norm of the update at most, scale |A| |B|", Norms, mixtures ? left + Middle : 0, 1, layers, [0, .. rows.SelectMany(r => r.Cells).Select(c => c.Norm).Where(double.IsFinite)]);
        double top = 1;
        foreach (Field field in fields)
        {
            double bottom = Math.Max(0, top - field.Rows.Length * RowHeight / height);
            model.Axes.Add(Rows(field, bottom, top));
            if (mixtures) model.Series.Add(Cells(field, "gate", across, c => c.Weight));
            model.Series.Add(Cells(field, "norm", across, c => c.Norm));
            model.Axes.Add(Name(field, labels, bottom, top));
            top = bottom - KindGap / height;
        }
        PlotStyle.Save(path, model, height + Above + Below + Heading);
    }

    private static IEnumerable<Field> Fields(AdapterSummary adapter)
    {
        foreach (IGrouping<string, AdapterModule> kind in adapter.Modules.GroupBy(m => m.Name[(m.Name.LastIndexOf('.') + 1)..]))
        {
            AdapterModule[] layers = [.. kind.OrderBy(m => LayerOf(m.Name))];
            yield return new Field(Quoted.Plain(kind.Key), [.. Enumerable.Range(0, layers.Max(m => m.Parts.Count)).Select(i => new Row(Label(layers, i), [.. layers.Select(m => CellOf(m, i))]))]);
        }
    }

    // The first whole number among the parts of a module's name.
    private static long LayerOf(string module) => module.Split('.').Select(p => long.TryParse(p, out long layer) ? layer : -1).FirstOrDefault(layer => layer >= 0, -1);

    private static string Label(AdapterModule[] layers, int part) =>
        layers.All(m => part < m.Parts.Count && m.Parts[part].Shape == layers[0].Parts[part].Shape) ? layers[0].Parts[part].Shape : $"filter {part + 1}";

    private static Cell CellOf(AdapterModule module, int part)
    {
        if (part >= module.Parts.Count) return new Cell(double.NaN, double.NaN);
        AdapterPart p = module.Parts[part];
        // A filter with an identity has one factor.
        return new Cell(p.Weight, p.Weight * p.NormA * (p.Shape.Contains('I') ? 1 : p.NormB));
    }

    private static Field Merged(Field[] fields) => new("", [.. fields.Select(f => f.Rows[0] with { Label = $"{f.Kind}  {f.Rows[0].Label}" })]);

    private static void AddColumn(PlotModel model, string key, string title, OxyPalette palette, double start, double end, int layers, double[] values)
    {
        double least = values.Min(), most = values.Max();
        LinearAxis layer = PlotStyle.Axis(AxisPosition.Bottom, "layer", -0.5);
        (layer.Key, layer.StartPosition, layer.EndPosition, layer.Maximum, layer.MaximumPadding) = (key, start, end, layers - 0.5, 0);
        (layer.MinimumMajorStep, layer.AxislineStyle, layer.TickStyle) = (1, LineStyle.None, TickStyle.None);
        (layer.AxisTickToLabelDistance, layer.AxisTitleDistance) = (9, 8);
        model.Axes.Add(layer);
        model.Axes.Add(new LinearColorAxis
        {
            Key = key + " color",
            Position = AxisPosition.Top,
            StartPosition = start,
            EndPosition = end,
            Title = title,
            Palette = palette,
            // Values that are all alike are shown as full.
            Minimum = most - least > 1e-6 * most ? least : 0,
            Maximum = Math.Max(most, 1e-9),
            AxislineStyle = LineStyle.None,
            TicklineColor = PlotStyle.Lines,
            MinorTickSize = 0,
            FontSize = 11,
            AxisTitleDistance = 8,
        });
    }

    private static CategoryAxis Rows(Field field, double bottom, double top)
    {
        CategoryAxis axis = new()
        {
            Key = "rows " + field.Kind,
            Position = AxisPosition.Left,
            StartPosition = top, // from top to bottom
            EndPosition = bottom,
            FontSize = 10,
            GapWidth = 0,
            TickStyle = TickStyle.None,
            AxislineStyle = LineStyle.None,
            Minimum = -0.5,
            Maximum = field.Rows.Length - 0.5,
        };
        axis.Labels.AddRange(field.Rows.Select(r => r.Label));
        return axis;
    }

    /// <summary>The kind of map, beside the labels of its rows: an axis with one label.</summary>
    private static CategoryAxis Name(Field field, double labels, double bottom, double top)
    {
        CategoryAxis axis = new()
        {
            Key = "kind " + field.Kind,
            Position = AxisPosition.Left,
            StartPosition = bottom,
            EndPosition = top,
            FontSize = 12,
            GapWidth = 0,
            TickStyle = TickStyle.None,
            AxislineStyle = LineStyle.None,
            AxisTickToLabelDistance = labels,
            Minimum = -0.5,
            Maximum = 0.5,
        };
        axis.Labels.Add(field.Kind);
        return axis;
    }

    private static RectangleSeries Cells(Field field, string key, double across, Func<Cell, double> value)
    {
        RectangleSeries series = new() { XAxisKey = key, YAxisKey = "rows " + field.Kind, ColorAxisKey = key + " color", LabelFontSize = 0 };
        for (int row = 0; row < field.Rows.Length; row++)
            for (int layer = 0; layer < field.Rows[row].Cells.Length; layer++)
                if (value(field.Rows[row].Cells[layer]) is double v && double.IsFinite(v))
                    series.Items.Add(new RectangleItem(layer - 0.5 + across, layer + 0.5 - across, row - 0.5 + Seam / RowHeight, row + 0.5 - Seam / RowHeight, v));
        return series;
    }

    private static OxyPalette Palette(OxyColor middle, OxyColor dark) => OxyPalette.Interpolate(200, OxyColor.FromRgb(0xF6, 0xF8, 0xF9), middle, dark);

    private readonly record struct Cell(double Weight, double Norm);

    private sealed record Row(string Label, Cell[] Cells);

    private sealed record Field(string Kind, Row[] Rows);
}
