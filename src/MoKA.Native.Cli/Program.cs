Console.WriteLine("moka");
